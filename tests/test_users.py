"""The owner's commands: who is here, and in which role."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from flask import Flask

from config import ROOT
from genkan.identity import Account, User
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


def test_a_role_enters_the_profile_at_once_and_the_session_at_the_next_sign_in(guest: Browser) -> None:
    assert guest.get("/api/user/profile").get_json()["role"] == "user"

    assert run(guest.app, "role", "Hana@Example.com", "admin") == (0, "hana@example.com is now admin.\n")
    assert guest.get("/api/user/profile").get_json()["role"] == "admin"
    guest.sign_out()
    guest.sign_in()
    assert (guest.session() or {})["user"]["role"] == "admin"
    assert "admin" in guest.get("/partials/session").get_data(as_text=True)


def test_an_address_that_nobody_has_is_said_to_be_so(guest: Browser) -> None:
    code, shown = run(guest.app, "role", "nobody@example.com", "admin")

    assert code == 1
    assert "Nobody is stored under nobody@example.com" in shown


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
