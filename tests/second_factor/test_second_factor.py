"""Enrol an authenticator app, and sign in with its codes."""

from __future__ import annotations

from flask import Flask

from tests.browser import Browser
from tests.clock import FrozenClock
from tests.email.mails import code as code_of_mail
from tests.email.mails import link, mails
from tests.second_factor.conftest import Enrolled
from tests.second_factor.steps import ADDRESS, PASSWORD, SECOND, enrol, enter, sign_in, sign_up


def claims(browser: Browser) -> dict[str, object]:
    """Return the claims of the session cookie."""
    cookie = browser.cookie(browser.core.cookie_names.session)
    assert cookie is not None
    return browser.core.sessions.strategy.decode(cookie)


def test_a_password_alone_starts_no_session(enrolled: Enrolled, app: Flask) -> None:
    browser = Browser(app)

    assert sign_in(browser) == SECOND
    assert browser.session() is None
    assert browser.get("/dashboard").status_code == 303
    assert browser.get("/account").status_code == 303


def test_the_code_of_the_app_completes_the_sign_in(enrolled: Enrolled, app: Flask) -> None:
    browser = Browser(app)
    sign_in(browser)
    response = enter(browser, enrolled.app.next_code())

    assert (response.status_code, response.headers["Location"]) == (303, "http://127.0.0.1:5000/dashboard")
    assert browser.session()["user"]["email"] == ADDRESS  # type: ignore[index]
    assert claims(browser)["amr"] == ["pwd", "otp", "mfa"]
    assert browser.cookie(browser.core.cookie_names.second) is None


def test_a_link_asks_for_the_second_factor(enrolled: Enrolled, app: Flask) -> None:
    browser = Browser(app)
    browser.submit("/api/auth/signin/email", email=ADDRESS, callbackUrl="/dashboard")

    assert browser.get(link(mails(app)[0])).headers["Location"] == SECOND
    assert browser.session() is None
    enter(browser, enrolled.app.next_code())
    assert claims(browser)["amr"] == ["otp", "mfa"]


def test_a_code_by_mail_asks_for_the_second_factor(enrolled: Enrolled, app: Flask) -> None:
    browser = Browser(app)
    browser.submit("/api/auth/signin/email", email=ADDRESS, callbackUrl="/dashboard")
    response = browser.submit("/api/auth/callback/email", code=code_of_mail(mails(app)[0]))

    assert response.headers["Location"] == SECOND
    assert browser.session() is None


def test_a_client_of_auth_js_gets_the_url_of_the_page(enrolled: Enrolled, app: Flask) -> None:
    response = Browser(app).submit(
        "/api/auth/callback/credentials", {"X-Auth-Return-Redirect": "1"}, email=ADDRESS, password=PASSWORD
    )

    assert (response.status_code, response.get_json()) == (200, {"url": SECOND})


def test_enrolling_raises_the_level_and_ends_the_other_sessions(app: Flask, clock: FrozenClock) -> None:
    browser, other = Browser(app), Browser(app)
    sign_up(browser, app)
    sign_in(other)
    assert claims(browser)["amr"] == ["otp"]
    enrol(browser, clock)

    assert claims(browser)["amr"] == ["otp", "mfa"]
    assert browser.session() is not None
    assert other.session() is None
    assert mails(app)[0].subject == "Your second factor was turned on for 127.0.0.1:5000"
