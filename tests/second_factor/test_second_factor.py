"""Enrol an authenticator app, and sign in with its codes."""

from __future__ import annotations

from secrets import token_urlsafe

import pytest
from flask import Flask

from genkan import Genkan, check
from genkan.errors import ConfigurationError
from genkan.settings.environment import from_environment
from genkan.types import Token
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.email.mails import code as code_of_mail
from tests.email.mails import link, mails
from tests.second_factor.conftest import Enrolled
from tests.second_factor.steps import ADDRESS, PASSWORD, SECOND, enrol, enter, sign_in, sign_up


def claims(browser: Browser) -> Token:
    """Return the claims of the session cookie."""
    cookie = browser.cookie(browser.core.cookie_names.session)
    assert cookie is not None
    token: Token = browser.core.sessions.strategy.decode(cookie)
    return token


def test_a_password_alone_starts_no_session(enrolled: Enrolled, app: Flask) -> None:
    browser = Browser(app)

    assert sign_in(browser) == SECOND
    assert browser.session() is None
    assert browser.get("/dashboard").status_code == 303
    assert browser.get("/account").status_code == 303
    # Also a user who has gone on meanwhile finds the page for the code.
    assert 'href="/account/second"' in browser.get("/api/auth/signin").text
    assert "/account/second" not in Browser(app).get("/api/auth/signin").text


def test_the_code_of_the_app_completes_the_sign_in(enrolled: Enrolled, app: Flask) -> None:
    browser = Browser(app)
    sign_in(browser)
    response = enter(browser, enrolled.app.next_code())

    assert (response.status_code, response.headers["Location"]) == (303, "http://127.0.0.1:5000/dashboard")
    assert browser.session()["user"]["email"] == ADDRESS  # type: ignore[index]
    assert claims(browser)["amr"] == ["pwd", "otp", "mfa"]
    assert browser.cookie(browser.core.cookie_names.second) is None
    assert "/account/second" not in browser.get("/api/auth/signin").text


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


def test_the_page_is_linked_from_the_account_page(enrolled: Enrolled, app: Flask) -> None:
    page = enrolled.browser.get("/account").text

    assert 'href="/account/totp"' in page
    assert "On. 10 recovery codes left." in page
    assert "Turned the second factor on" in page


def test_an_operator_removes_a_lost_second_factor(enrolled: Enrolled, app: Flask) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["users", "reset-factor", ADDRESS]).output == f"{ADDRESS} has no second factor any more.\n"
    assert mails(app)[0].subject == "Your second factor was removed for 127.0.0.1:5000"
    assert "has no second factor" in run(args=["users", "reset-factor", ADDRESS]).output

    assert sign_in(Browser(app)).endswith("/dashboard")


def test_without_the_setting_there_is_no_second_factor(make_app: MakeApp) -> None:
    app = make_app(AUTH_PASSWORDS="on")
    browser = Browser(app)
    sign_up(browser, app)

    for path in ("/account/totp", "/account/second", "/account/second/enrol"):
        assert browser.get(path).status_code == 404
    assert "Second factor" not in browser.get("/account").text
    assert "AUTH_TOTP" in app.test_cli_runner().invoke(args=["users", "reset-factor", ADDRESS]).output


def test_expired_rows_are_purged(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    sign_in(Browser(app))
    factor = enrolled.browser.core.second_factor
    assert factor is not None
    factor.store.purge()
    clock.advance(86_400)

    assert factor.store.purge() == 1


def test_secrets_stay_out_of_logs_and_addresses(
    app: Flask, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    browser = Browser(app)
    sign_up(browser, app)
    with caplog.at_level("DEBUG"):
        authenticator, codes = enrol(browser, clock)
        other = Browser(app)
        sign_in(other)
        enter(other, codes[0])
    text = " ".join(str(record.__dict__) for record in caplog.records)

    assert authenticator.secret not in text
    assert not any(code in text for code in (*codes, authenticator.code()))


def test_a_second_factor_needs_database_and_pages() -> None:
    for keywords in ({"database": None}, {"pages": False}):
        app = Flask("shop")
        with pytest.raises(ConfigurationError, match="AUTH_TOTP is on"):
            Genkan(app, AUTH_SECRET=token_urlsafe(40), AUTH_URL="https://a.example", AUTH_TOTP="on", **keywords)
            check(app)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AUTH_TOTP": "yes"}, "AUTH_TOTP: it is neither on nor off"),
        ({"AUTH_MFA_REQUIRED": "all"}, "AUTH_TOTP is off"),
        ({"AUTH_TOTP": "on", "AUTH_MFA_REQUIRED": "all,admin"}, "neither all nor a list of roles"),
        ({"AUTH_TOTP": "on", "AUTH_MFA_REQUIRED": "admin,,editor"}, "neither all nor a list of roles"),
        ({"AUTH_TOTP": "on", "AUTH_MFA_REQUIRED": "admin", "AUTH_PASSWORD_MIN": "8"}, "AUTH_MFA_REQUIRED=all"),
        ({"AUTH_TOTP": "on", "AUTH_MFA_REQUIRED": "all", "AUTH_PASSWORD_MIN": "7"}, "from 8 to 64"),
    ],
)
def test_invalid_settings_are_refused(variables: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        from_environment({"AUTH_SECRET": "x" * 40, "GENKAN_ENV": "development", **variables})


def test_settings_of_the_second_factor() -> None:
    variables = {"AUTH_SECRET": "x" * 40, "GENKAN_ENV": "development"}
    assert from_environment(variables).second_factor == (False, ())
    settings = from_environment({**variables, "AUTH_TOTP": "on", "AUTH_MFA_REQUIRED": "admin, editor"})
    assert settings.second_factor == (True, ("admin", "editor"))
    settings = from_environment({**variables, "AUTH_TOTP": "on", "AUTH_MFA_REQUIRED": "all", "AUTH_PASSWORD_MIN": "8"})
    assert (settings.second_factor, settings.password_min) == ((True, "all"), 8)
