"""The unchanged `signIn` of next-auth/react: with a password, with a link or a code by mail, and with a second factor."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page

from genkan.adapters import NO_PROFILE
from genkan.types import User
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import expect_url
from tests.email.mails import code, link, mails
from tests.second_factor.steps import App, secret_in
from tests.tokens.authjs_jwt import AuthJs

PASSWORD = "three green lanterns at noon"
WRONG = "seven quiet rivers under snow"
SECRET = "tests-only-secret-that-protects-nothing-at-all"
COOKIE = "authjs.session-token"
REFUSED = {"error": "CredentialsSignin", "code": "credentials", "status": 200, "ok": True, "url": None}
"""What `signIn` returns for a wrong password. `ok` is the status of the response."""

pytestmark = pytest.mark.parametrize("react_app", ["jwt", "database"], indirect=True, scope="module")


@pytest.fixture(name="page")
def _page(open_window: OpenWindow, react_app: Flask) -> Page:
    page = open_window(react_app).open("/react")
    page.locator("#react-status", has_text="unauthenticated").wait_for()
    return page


def sign_in(page: Page, provider: str, **options: str) -> dict[str, Any]:
    """Call `signIn` without a redirect, and return its result without what is undefined."""
    result: dict[str, Any] = page.evaluate(
        "async ([provider, options]) => "
        "JSON.parse(JSON.stringify(await nextAuth.signIn(provider, {...options, redirect: false})))",
        [provider, options],
    )
    return result


def address_of(page: Page) -> str | None:
    """Return the address in the session that `getSession` returns."""
    session: dict[str, Any] | None = page.evaluate("nextAuth.getSession()")
    return session["user"]["email"] if session else None


def create_user(app: Flask, email: str) -> None:
    core = app.extensions["genkan"].core
    user = User("", email=email, email_verified=datetime.fromtimestamp(time.time(), UTC))
    core.email.stores.addresses.prove(user, NO_PROFILE, password=core.passwords.hasher.hash(PASSWORD))


def expect_readable(page: Page, react_app: Flask, authjs: AuthJs, email: str) -> None:
    """Expect that Auth.js with the same secret reads the same user from the cookie. Only the jwt strategy has claims
    there."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    if react_app.extensions["genkan"].core.sessions.config.strategy == "jwt":
        assert authjs.decode(cookies[COOKIE], SECRET, COOKIE)["email"] == email
    else:
        assert "." not in cookies[COOKIE]


def test_sign_in_with_a_password(page: Page, react_app: Flask, authjs: AuthJs) -> None:
    create_user(react_app, "hana@example.com")
    assert sign_in(page, "credentials", email="hana@example.com", password=WRONG) == REFUSED
    assert sign_in(page, "credentials", email="nobody@example.com", password=PASSWORD) == REFUSED
    assert address_of(page) is None

    result = sign_in(page, "credentials", email="Hana@example.com", password=PASSWORD)

    assert result == {"status": 200, "ok": True, "url": page.url}
    assert address_of(page) == "hana@example.com"
    page.locator("#react-status", has_text="authenticated").wait_for()
    expect_readable(page, react_app, authjs, "hana@example.com")


def test_a_throttled_password_is_one_that_is_wrong(page: Page, react_app: Flask) -> None:
    create_user(react_app, "rin@example.com")
    for _ in range(5):
        assert sign_in(page, "credentials", email="rin@example.com", password=WRONG) == REFUSED
    assert sign_in(page, "credentials", email="rin@example.com", password=PASSWORD) == REFUSED
    assert address_of(page) is None


def test_the_second_factor_is_asked_for_on_our_page(page: Page, react_app: Flask, authjs: AuthJs) -> None:
    email, second = "kei@example.com", f"{react_app.extensions['genkan'].core.origin}/account/second"
    create_user(react_app, email)
    browser = Browser(react_app)
    browser.submit("/api/auth/callback/credentials", email=email, password=PASSWORD)
    authenticator = App(secret_in(browser.get("/account/totp").text), FrozenClock(time.time()))
    assert browser.submit("/account/totp", code=authenticator.code()).status_code == 200

    assert sign_in(page, "credentials", email=email, password=PASSWORD) == {"status": 200, "ok": True, "url": second}
    assert address_of(page) is None
    page.evaluate("([email, password]) => void nextAuth.signIn('credentials', {email, password})", [email, PASSWORD])
    expect_url(page, second)
    page.locator("[autocomplete=one-time-code]").fill(authenticator.next_code())
    page.locator("[autocomplete=one-time-code]").press("Enter")
    page.locator("#react-status", has_text="authenticated").wait_for()
    assert page.url.endswith("/react")
    assert address_of(page) == email
    expect_readable(page, react_app, authjs, email)


def test_sign_in_with_a_link_and_with_a_code(
    page: Page, react_app: Flask, authjs: AuthJs, open_window: OpenWindow
) -> None:
    origin = react_app.extensions["genkan"].core.origin
    asked: dict[str, Any] = {
        "status": 200,
        "ok": True,
        "url": f"{origin}/api/auth/verify-request?provider=email&type=email",
    }
    assert sign_in(page, "email", email="mei@example.com") == asked
    page.goto(link(mails(react_app)[0]))
    assert page.url == f"{origin}/react"
    assert address_of(page) == "mei@example.com"
    expect_readable(page, react_app, authjs, "mei@example.com")

    other = open_window(react_app).open("/react")
    assert sign_in(other, "email", email="mei@example.com") == asked
    other.goto(asked["url"])
    other.locator("[name=code]").fill(code(mails(react_app)[0]))
    other.locator("[name=code]").press("Enter")
    expect_url(other, f"{origin}/react")
    assert address_of(other) == "mei@example.com"


def test_an_address_that_is_none_is_an_error(page: Page) -> None:
    result = sign_in(page, "email", email="hana@@example.com")
    assert (result["error"], result["url"]) == ("EmailSignin", None)


def test_the_client_of_nextauth_4_gets_its_status(react_app: Flask) -> None:
    """It asks for JSON by a field, and expects 401 for a wrong password."""
    create_user(react_app, "old@example.com")
    browser = Browser(react_app)
    form: dict[str, Any] = {
        "email": "old@example.com",
        "json": "true",
        "callbackUrl": f"{browser.origin}/react",
        "redirect": "false",
    }
    refused = browser.submit("/api/auth/callback/credentials", **form, password=WRONG)
    assert refused.status_code == 401
    assert refused.get_json() == {"url": f"{browser.origin}/api/auth/signin?error=CredentialsSignin&code=credentials"}
    asked = browser.submit("/api/auth/signin/email", **form)
    assert asked.get_json() == {"url": f"{browser.origin}/api/auth/verify-request?provider=email&type=email"}
    signed_in = browser.submit("/api/auth/callback/credentials", **form, password=PASSWORD)
    assert (signed_in.status_code, signed_in.get_json()) == (200, {"url": f"{browser.origin}/react"})
    assert browser.session() is not None
