"""`flask genkan users`: list, change, disable and delete users."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from flask import Flask

from genkan.settings.environment import ROOT
from genkan.types import Account, User
from tests.browser import Browser
from tests.conftest import Environment


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["users", *arguments])
    return result.exit_code, result.output


@pytest.fixture(name="client")
def _client(browser: Browser) -> Browser:
    browser.sign_in()
    return browser


@pytest.fixture(name="unverified")
def _unverified(client: Browser) -> Browser:
    """Add a user with an unverified email address, as Auth.js stores it."""
    account = Account("hub", "kei-at-hub", "oidc")
    client.core.adapter.create_user(User(id="", name="Kei", email="kei@example.com"), account)
    return client


def test_list_shows_whether_an_email_address_is_verified(unverified: Browser) -> None:
    _, shown = run(unverified.app, "list")

    assert {tuple(line.split("\t")[:2]) for line in shown.splitlines()} == {
        ("hana@example.com", "verified"),
        ("kei@example.com", "unverified"),
    }


@pytest.mark.parametrize("address", ["kei@example.com", "KEI@example.com"])
def test_a_user_with_an_unverified_email_address_needs_the_unverified_option(unverified: Browser, address: str) -> None:
    code, shown = run(unverified.app, "role", address, "admin")
    _, before = run(unverified.app, "list")

    assert code == 1
    assert "--unverified" in shown
    assert "admin" not in before
    assert run(unverified.app, "role", "--unverified", address, "admin") == (0, "kei@example.com is now admin.\n")


def test_a_user_without_an_email_address_is_named_by_the_id(client: Browser) -> None:
    user, _ = client.core.adapter.create_user(User(id="", name="hana@example.com"), Account("hub", "kei", "oidc"))
    label = f"hana@example.com ({user.id})"

    assert run(client.app, "list")[1].splitlines()[0] == f"-\tunverified\tuser\thana@example.com\t{user.id}"
    code, shown = run(client.app, "role", user.id, "admin")
    assert (code, f"No provider has verified an address of {label}" in shown) == (1, True)
    assert run(client.app, "role", user.id, "admin", "--unverified") == (0, f"{label} is now admin.\n")
    assert run(client.app, "disable", user.id) == (0, f"{label} is disabled and signed out everywhere.\n")
    assert run(client.app, "enable", user.id) == (0, f"{label} can sign in again.\n")
    result = client.app.test_cli_runner().invoke(args=["users", "delete", user.id], input="n\n")
    assert f"Delete {user.id} (hana@example.com) and all stored data?" in result.output
    assert run(client.app, "delete", "--yes", user.id) == (0, f"{label} has been deleted.\n")
    assert client.session() is not None


def test_a_user_without_name_and_email_address_is_named_by_the_id(client: Browser) -> None:
    user, _ = client.core.adapter.create_user(User(id=""), Account("hub", "kei", "oidc"))

    assert run(client.app, "enable", user.id) == (0, f"{user.id} can sign in again.\n")


def test_a_user_with_an_email_address_can_be_given_by_the_id(client: Browser) -> None:
    id = (client.session() or {})["user"]["id"]

    assert run(client.app, "role", id, "admin") == (0, "hana@example.com is now admin.\n")


def test_the_unverified_option_is_accepted_for_a_verified_email_address(client: Browser) -> None:
    assert run(client.app, "role", "hana@example.com", "admin", "--unverified")[0] == 0


def test_list_shows_all_users_with_their_roles(client: Browser) -> None:
    code, shown = run(client.app, "list")

    assert code == 0
    assert shown.split("\t")[:4] == ["hana@example.com", "verified", "user", "Hana Example"]
    assert shown.split("\t")[4].strip() == (client.session() or {})["user"]["id"]


def test_a_new_role_is_in_force_at_the_next_request(client: Browser) -> None:
    """Grant and withdraw a role without a new sign-in."""
    assert client.get("/api/user/profile").get_json()["role"] == "user"

    for role in ("admin", "user"):
        assert run(client.app, "role", "Hana@Example.com", role) == (0, f"hana@example.com is now {role}.\n")
        assert client.get("/api/user/profile").get_json()["role"] == role
        assert (client.session() or {})["user"]["role"] == role
        assert f"<dd>{role}</dd>" in client.get("/partials/session").get_data(as_text=True)


def test_a_disabled_user_is_signed_out_and_cannot_sign_in_until_enabled(client: Browser) -> None:
    other = Browser(client.app)
    other.sign_in("Alex Admin")
    assert run(client.app, "disable", "HANA@example.com") == (
        0,
        "hana@example.com is disabled and signed out everywhere.\n",
    )
    assert client.session() is None
    assert other.session() is not None
    assert [line.split("\t")[5:] for line in run(client.app, "list")[1].splitlines()] == [[], ["disabled"]]

    refused = client.sign_in()
    assert "error=AccessDenied" in refused.headers["Location"]
    assert client.session() is None
    assert run(client.app, "enable", "hana@example.com") == (0, "hana@example.com can sign in again.\n")
    client.sign_in()
    assert client.session() is not None


def test_a_user_is_deleted_after_confirmation(client: Browser) -> None:
    result = client.app.test_cli_runner().invoke(args=["users", "delete", "hana@example.com"], input="n\n")
    assert result.exit_code == 1
    assert "Delete hana@example.com (Hana Example) and all stored data? [y/N]" in result.output
    assert client.session() is not None

    result = client.app.test_cli_runner().invoke(args=["users", "delete", "hana@example.com"], input="y\n")
    assert result.output.endswith("hana@example.com has been deleted.\n")
    assert client.session() is None
    assert run(client.app, "list") == (0, "")
    client.sign_in()
    assert run(client.app, "delete", "--yes", "hana@example.com") == (0, "hana@example.com has been deleted.\n")


@pytest.mark.parametrize("command", ["role {} admin", "disable {}", "enable {}", "delete {}", "delete --yes {}"])
def test_an_unknown_email_address_is_an_error(client: Browser, command: str) -> None:
    code, shown = run(client.app, *command.format("nobody@example.com").split())

    assert code == 1
    assert "No user has the address or id nobody@example.com" in shown
    assert "users list` shows all users." in shown


@pytest.mark.parametrize("role", ["", "two words", "a\nb", "é", "x" * 51])
def test_a_role_is_one_word_of_at_most_fifty_characters(client: Browser, role: str) -> None:
    code, shown = run(client.app, "role", "hana@example.com", role)

    assert code == 1
    assert "A role is a word" in shown
    assert client.get("/api/user/profile").get_json()["role"] == "user"


def test_the_command_works_in_a_shell(client: Browser, environment: Environment) -> None:
    """Run the command as the reference shows it."""
    command = [sys.executable, "-m", "flask", "--app", "app", "users", "role", "hana@example.com", "editor"]
    result = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )

    assert result.stdout == "hana@example.com is now editor.\n"
    assert becomes_true(lambda: (client.session() or {})["user"]["role"] == "editor")


@pytest.mark.parametrize("arguments", ["users disable hana@example.com", "users delete --yes hana@example.com"])
def test_a_running_worker_applies_the_change_within_a_second(
    client: Browser, environment: Environment, arguments: str
) -> None:
    command = [sys.executable, "-m", "flask", "--app", "app", *arguments.split()]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=True)

    assert becomes_true(lambda: client.session() is None)


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Return True if the condition becomes true within four seconds. The limit is one second, but the machine may be
    busy."""
    end = time.monotonic() + 4
    while not condition() and time.monotonic() < end:
        pass
    return condition()
