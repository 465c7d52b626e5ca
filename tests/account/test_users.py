"""The owner's commands: who is here, in which role, and who may not come in."""

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


def run(app: Flask, *words: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["users", *words])
    return result.exit_code, result.output


@pytest.fixture(name="guest")
def _guest(browser: Browser) -> Browser:
    browser.sign_in()
    return browser


@pytest.fixture(name="unproven")
def _unproven(guest: Browser) -> Browser:
    """Somebody came whose provider does not vouch for the address."""
    account = Account("hub", "kei-at-hub", "oidc")
    guest.options.adapter.create_user(User(id="", name="Kei", email="kei@example.com"), account)
    return guest


def test_the_list_tells_whose_address_nobody_vouches_for(unproven: Browser) -> None:
    _, shown = run(unproven.app, "list")

    assert {tuple(line.split("\t")[:2]) for line in shown.splitlines()} == {
        ("hana@example.com", "verified"),
        ("kei@example.com", "unverified"),
    }


@pytest.mark.parametrize("address", ["kei@example.com", "KEI@example.com"])
def test_an_address_that_nobody_vouches_for_gets_a_role_only_when_the_owner_insists(
    unproven: Browser, address: str
) -> None:
    code, shown = run(unproven.app, "role", address, "admin")
    _, before = run(unproven.app, "list")

    assert code == 1
    assert "--unverified" in shown
    assert "admin" not in before
    assert run(unproven.app, "role", "--unverified", address, "admin") == (0, "kei@example.com is now admin.\n")


def test_to_insist_where_it_is_not_needed_does_no_harm(guest: Browser) -> None:
    assert run(guest.app, "role", "hana@example.com", "admin", "--unverified")[0] == 0


def test_the_list_shows_everybody_with_their_role(guest: Browser) -> None:
    code, shown = run(guest.app, "list")

    assert code == 0
    assert shown.split("\t")[:4] == ["hana@example.com", "verified", "user", "Hana Example"]
    assert shown.split("\t")[4].strip() == (guest.session() or {})["user"]["id"]


def test_a_role_enters_profile_and_sessions_at_the_next_request(guest: Browser) -> None:
    """Without signing in again, and again when it is taken away."""
    assert guest.get("/api/user/profile").get_json()["role"] == "user"

    for role in ("admin", "user"):
        assert run(guest.app, "role", "Hana@Example.com", role) == (0, f"hana@example.com is now {role}.\n")
        assert guest.get("/api/user/profile").get_json()["role"] == role
        assert (guest.session() or {})["user"]["role"] == role
        assert f"<dd>{role}</dd>" in guest.get("/partials/session").get_data(as_text=True)


def test_somebody_disabled_is_out_and_stays_out_until_they_are_enabled(guest: Browser) -> None:
    other = Browser(guest.app)
    other.sign_in("Alex Admin")
    assert run(guest.app, "disable", "HANA@example.com") == (
        0,
        "hana@example.com is disabled and signed out everywhere.\n",
    )
    assert guest.session() is None
    assert other.session() is not None
    assert [line.split("\t")[5:] for line in run(guest.app, "list")[1].splitlines()] == [[], ["disabled"]]

    refused = guest.sign_in()
    assert "error=AccessDenied" in refused.headers["Location"]
    assert guest.session() is None
    assert run(guest.app, "enable", "hana@example.com") == (0, "hana@example.com can sign in again.\n")
    guest.sign_in()
    assert guest.session() is not None


def test_somebody_is_deleted_when_the_owner_means_it(guest: Browser) -> None:
    result = guest.app.test_cli_runner().invoke(args=["users", "delete", "hana@example.com"], input="n\n")
    assert result.exit_code == 1
    assert "Delete hana@example.com (Hana Example) and all stored data? [y/N]" in result.output
    assert guest.session() is not None

    result = guest.app.test_cli_runner().invoke(args=["users", "delete", "hana@example.com"], input="y\n")
    assert result.output.endswith("hana@example.com has been deleted.\n")
    assert guest.session() is None
    assert run(guest.app, "list") == (0, "")
    guest.sign_in()
    assert run(guest.app, "delete", "--yes", "hana@example.com") == (0, "hana@example.com has been deleted.\n")


@pytest.mark.parametrize("words", ["role {} admin", "disable {}", "enable {}", "delete {}", "delete --yes {}"])
def test_an_address_that_nobody_has_is_said_to_be_so(guest: Browser, words: str) -> None:
    code, shown = run(guest.app, *words.format("nobody@example.com").split())

    assert code == 1
    assert "No user has the address nobody@example.com" in shown


@pytest.mark.parametrize("role", ["", "two words", "a\nb", "é", "x" * 51])
def test_what_is_no_word_is_no_role(guest: Browser, role: str) -> None:
    code, shown = run(guest.app, "role", "hana@example.com", role)

    assert code == 1
    assert "A role is a word" in shown
    assert guest.get("/api/user/profile").get_json()["role"] == "user"


def test_the_command_works_from_a_shell(guest: Browser, environment: Environment) -> None:
    """As the README has it."""
    command = [sys.executable, "-m", "flask", "--app", "app", "users", "role", "hana@example.com", "editor"]
    ended = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )

    assert ended.stdout == "hana@example.com is now editor.\n"
    assert soon(lambda: (guest.session() or {})["user"]["role"] == "editor")


@pytest.mark.parametrize("words", ["users disable hana@example.com", "users delete --yes hana@example.com"])
def test_a_worker_that_runs_learns_of_it_within_a_second_or_so(
    guest: Browser, environment: Environment, words: str
) -> None:
    command = [sys.executable, "-m", "flask", "--app", "app", *words.split()]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=True)

    assert soon(lambda: guest.session() is None)


def soon(is_so: Callable[[], bool]) -> bool:
    """Whether it becomes so in two seconds: the bound is one, and this machine may be busy."""
    end = time.monotonic() + 2
    while not is_so() and time.monotonic() < end:
        pass
    return is_so()
