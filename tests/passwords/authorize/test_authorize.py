"""An application that checks credentials itself, with Auth.js's `authorize` callback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from genkan import CredentialsSignin, Genkan, SignInParams, User, check
from genkan.errors import AdapterError, ConfigurationError
from tests.clock import FrozenClock
from tests.passwords.authorize.application import (
    ADA,
    BOTH_STRATEGIES,
    CLIENT,
    PASSWORD,
    RIGHT,
    WRONG,
    Application,
    sign_in,
    user_of,
)


class WrongToken(CredentialsSignin):
    """Refusal with a code of the application."""

    code = "wrong-token"


@BOTH_STRATEGIES
def test_the_application_signs_its_user_in(guest: Application) -> None:
    browsers = guest.browser(), guest.browser()
    for browser in browsers:
        response = sign_in(browser, RIGHT, CLIENT)
        assert (response.status_code, response.get_json()) == (200, {"url": "http://127.0.0.1:5000/"})
    users = [user_of(browser) for browser in browsers]
    assert users[0] == users[1]
    assert (users[0]["name"], users[0]["image"], users[0]["role"]) == ("Ada", "https://a.example/ada.png", "user")
    assert guest.calls[0] == {**RIGHT, "callbackUrl": "/"}
    assert browsers[0].get("/genkan/account").status_code == 200


def test_without_a_user_the_code_is_that_of_auth_js(guest: Application) -> None:
    browser = guest.browser()
    assert sign_in(browser, WRONG, CLIENT).get_json() == {
        "url": "http://127.0.0.1:5000/api/auth/signin?error=CredentialsSignin&code=credentials"
    }
    assert browser.session() is None
    page = sign_in(browser, WRONG)
    assert page.status_code == 401
    assert "Check both and try again." in page.text


def test_the_application_may_refuse_with_a_code(guest: Application) -> None:
    def answer(credentials: dict[str, Any]) -> None:
        raise WrongToken

    guest.answer = answer
    browser = guest.browser()
    location = sign_in(browser, RIGHT, CLIENT).get_json()["url"]
    assert location == "http://127.0.0.1:5000/api/auth/signin?error=CredentialsSignin&code=wrong-token"
    assert browser.get(location).status_code == 401


@pytest.mark.parametrize("returned", ["ada", {"name": "Ada"}, {"id": ""}, object(), User("unknown")])
def test_what_is_no_user_is_refused(guest: Application, returned: object) -> None:
    guest.answer = lambda _: returned
    browser = guest.browser()
    assert "error=AccessDenied" in sign_in(browser, RIGHT, CLIENT).get_json()["url"]
    assert browser.session() is None


def test_a_failure_of_the_application_is_no_wrong_password(
    guest: Application, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(credentials: dict[str, Any]) -> None:
        raise LookupError(credentials["password"])

    guest.answer = answer
    browser = guest.browser()
    assert sign_in(browser, RIGHT, CLIENT).get_json()["url"].endswith("/error?error=Configuration")
    assert PASSWORD not in caplog.text


def test_a_stored_user_is_signed_in(guest: Application) -> None:
    browser = guest.browser()
    sign_in(browser, RIGHT)
    stored = user_of(browser)
    guest.answer = lambda _: User(stored["id"], name="Another name")
    other = guest.browser()
    sign_in(other, RIGHT)
    assert user_of(other) == stored


def test_an_address_is_the_users_only_if_the_application_has_verified_it(guest: Application) -> None:
    browser = guest.browser()
    sign_in(browser, RIGHT)
    assert user_of(browser)["email"] is None
    guest.answer = lambda _: {**ADA, "id": "other", "email_verified": True}
    other = guest.browser()
    sign_in(other, RIGHT)
    assert user_of(other)["email"] == "ada@example.org"


@BOTH_STRATEGIES
def test_the_role_follows_the_application(guest: Application) -> None:
    roles = ["editor", "admin"]
    guest.answer = lambda _: {**ADA, "role": role}
    for role in roles:
        browser = guest.browser()
        sign_in(browser, RIGHT)
        assert user_of(browser)["role"] == role


def test_the_sixth_wrong_password_is_not_checked(guest: Application, clock: FrozenClock) -> None:
    browser = guest.browser()
    for _ in range(5):
        sign_in(browser, WRONG, CLIENT)
    for email in ("ada@example.org", " ADA@example.org", "ada@example.org"):
        answer = sign_in(browser, {**RIGHT, "email": email}, CLIENT).get_json()["url"]
        assert "error=CredentialsSignin&code=credentials&reason=throttled" in answer
    assert len(guest.calls) == 5
    page = sign_in(browser, RIGHT)
    assert page.status_code == 429
    assert "e-mail" not in page.text.lower().split("</h1>")[1].split("<form")[0]
    clock.advance(60)
    sign_in(browser, RIGHT, CLIENT)
    assert browser.session() is not None


def test_a_failed_store_of_the_application_does_not_count(guest: Application) -> None:
    def answer(credentials: dict[str, Any]) -> None:
        raise AdapterError

    guest.answer = answer
    browser = guest.browser()
    for _ in range(7):
        assert "reason=storage" in sign_in(browser, WRONG, CLIENT).get_json()["url"]
    assert len(guest.calls) == 7


def test_the_sign_in_callback_gets_the_credentials(guest: Application) -> None:
    seen: list[SignInParams] = []

    @guest.accounts.sign_in
    def may_sign_in(params: SignInParams) -> bool:
        seen.append(params)
        return False

    browser = guest.browser()
    assert "error=AccessDenied" in sign_in(browser, RIGHT, CLIENT).get_json()["url"]
    assert seen[0].credentials == {**RIGHT, "callbackUrl": "/"}
    assert (seen[0].account.type, seen[0].account.provider_account_id) == ("credentials", "7")
    assert PASSWORD not in repr(seen)


def test_the_sign_in_page_and_the_providers_show_this_way_only(guest: Application) -> None:
    browser = guest.browser()
    assert browser.get("/api/auth/providers").get_json() == {
        "credentials": {
            "id": "credentials",
            "name": "Password",
            "type": "credentials",
            "signinUrl": "http://127.0.0.1:5000/api/auth/signin/credentials",
            "callbackUrl": "http://127.0.0.1:5000/api/auth/callback/credentials",
        }
    }
    page = browser.get("/api/auth/signin").text
    assert 'name="email" type="email"' in page
    assert 'name="password" type="password"' in page
    assert "/reset" not in page
    assert "/sign-up" not in page
    assert "/signin/email" not in page
    assert browser.get("/genkan/account/reset").status_code == 404


def test_the_fields_can_have_other_names(tmp_path: Path, settings: dict[str, Any]) -> None:
    guest = Application(tmp_path, {**settings, "credentials_fields": ("user_name", "pin")})
    guest.answer = lambda fields: ADA if (fields["user_name"], fields["pin"]) == ("ada", "1234") else None
    browser = guest.browser()
    page = browser.get("/api/auth/signin").text
    assert 'name="user_name" type="text"' in page
    assert "User name</label>" in page
    assert 'name="pin" type="password"' in page
    for _ in range(6):
        refused = sign_in(browser, {"user_name": "bob", "pin": "1"})
    assert refused.status_code == 429
    sign_in(browser, {"user_name": "ada", "pin": "1234"})
    assert user_of(browser)["name"] == "Ada"


@pytest.mark.parametrize("names", [("email", "password"), ("user_name", "pin")])
def test_a_link_by_mail_can_be_asked_for_beside_it(
    tmp_path: Path, settings: dict[str, Any], names: tuple[str, str]
) -> None:
    sent: list[str] = []
    mail = {"send_mail": lambda mail: sent.append(mail.to), "credentials_fields": names}
    guest = Application(tmp_path, {**settings, **mail})
    guest.answer = lambda _: None
    browser = guest.browser()
    page = browser.get("/api/auth/signin").text
    assert page.count(">E-mail me a link<") == 1
    assert page.count('id="email"') == 1
    assert "/sign-up" not in page
    assert {"email", "credentials"} == set(browser.get("/api/auth/providers").get_json())
    asked = browser.submit("/api/auth/signin/email", CLIENT, email="ada@example.org")
    assert "/verify-request" in asked.get_json()["url"]
    refused = sign_in(browser, {names[0]: "bob", names[1]: ""})
    assert refused.status_code == 422
    # By the field of the one form, or of the form for the address only.
    refused = browser.submit("/api/auth/signin/email", email="ada@")
    assert refused.status_code == 422
    field = re.search(r'<input id="(?:mail-address|email)" name="email"[^>]*>', refused.text)
    assert field is not None
    assert 'value="ada@"' in field[0]
    assert "aria-invalid" in field[0]
    assert refused.text.count("ada@") == 1


@pytest.mark.parametrize("fields", [("email",), ("a", "a"), ("csrfToken", "b"), ("a b", "c"), "ab", (1, 2)])
def test_invalid_names_of_fields_are_refused(fields: object) -> None:
    with pytest.raises(ConfigurationError, match="credentials_fields"):
        Genkan(Flask("guest"), credentials_fields=fields)


def test_two_checks_of_passwords_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    guest = Application(tmp_path, {**settings, "AUTH_PASSWORDS": "on", "send_mail": lambda _: None})
    with pytest.raises(ConfigurationError, match=r"@accounts\.authorize"):
        check(guest.app)


def test_another_user_does_not_confirm_the_identity(guest: Application) -> None:
    browser = guest.browser()
    sign_in(browser, RIGHT)
    before = user_of(browser)
    guest.answer = lambda _: {"id": "other", "name": "Bob"}
    assert "another-person" in sign_in(browser, {**RIGHT, "purpose": "fresh"}, CLIENT).get_json()["url"]
    assert user_of(browser) == before


class TestWithoutADatabase:
    """`Genkan(database=None)`, and `pages=False`."""

    def test_the_cookie_holds_the_user(self, tmp_path: Path, settings: dict[str, Any]) -> None:
        guest = Application(tmp_path, {**settings, "database": None})
        guest.answer = lambda credentials: (
            User("7", name="Ada", role="admin") if credentials["password"] == PASSWORD else None
        )
        browsers = guest.browser(), guest.browser()
        for browser in browsers:
            sign_in(browser, RIGHT)
        users = [user_of(browser) for browser in browsers]
        assert users[0] == users[1]
        assert (users[0]["name"], users[0]["role"]) == ("Ada", "admin")

    def test_each_worker_limits_wrong_passwords(
        self, tmp_path: Path, settings: dict[str, Any], clock: FrozenClock
    ) -> None:
        guest = Application(tmp_path, {**settings, "database": None})
        browser = guest.browser()
        for _ in range(6):
            sign_in(browser, WRONG)
        assert len(guest.calls) == 5
        clock.advance(2)
        sign_in(browser, WRONG)
        clock.advance(2)
        assert sign_in(browser, RIGHT).status_code == 429
        clock.advance(2)
        assert sign_in(browser, RIGHT).status_code == 303

    def test_an_application_without_pages_answers_auth_js_clients(
        self, tmp_path: Path, settings: dict[str, Any]
    ) -> None:
        guest = Application(tmp_path, {**settings, "pages": False})
        browser = guest.browser()
        refused = sign_in(browser, WRONG, CLIENT)
        assert (refused.status_code, refused.get_json()) == (
            200,
            {"url": "http://127.0.0.1:5000/api/auth/signin?error=CredentialsSignin&code=credentials"},
        )
        assert sign_in(browser, WRONG).status_code == 401
        assert sign_in(browser, RIGHT, CLIENT).get_json() == {"url": "http://127.0.0.1:5000/"}
        assert browser.session() is not None
