"""Levels of sessions: `amr`, recent proof of both factors, trusted devices, and changes of the second factor."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from genkan import fresh_login_required
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.email.mails import link, mails
from tests.second_factor.conftest import Enrolled
from tests.second_factor.steps import (
    ADDRESS,
    PASSWORD,
    SECOND,
    App,
    codes_in,
    enrol,
    enter,
    secret_in,
    sign_in,
    sign_up,
)
from tests.second_factor.test_second_factor import claims

OTHER = "seven quiet rivers under snow"
FRESH = "/api/auth/signin?callbackUrl="


@pytest.fixture(name="app", params=["jwt", "database"])
def _app(make_app: MakeApp, request: pytest.FixtureRequest) -> Flask:
    app = make_app(AUTH_PASSWORDS="on", AUTH_PASSKEYS="on", AUTH_TOTP="on", AUTH_SESSION_STRATEGY=request.param)

    @app.get("/payroll")
    @fresh_login_required(within=300, level="mfa")
    def payroll() -> str:
        return "open"

    return app


def trust(app: Flask, enrolled: Enrolled) -> Browser:
    """Return a browser that is trusted, and signed in with both factors."""
    browser = Browser(app)
    sign_in(browser)
    assert enter(browser, enrolled.app.next_code(), trust="1").status_code == 303
    return browser


def test_a_view_needs_both_factors(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    browser = enrolled.browser
    assert browser.get("/payroll").text == "open"
    clock.advance(301)
    assert browser.get("/payroll").headers["Location"].startswith(FRESH)
    refused = browser.get("/payroll", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.get_json()["reason"]) == (401, "fresh")
    session = browser.session()

    assert sign_in(browser, purpose="fresh") == SECOND
    assert browser.session() == session
    assert browser.get("/payroll").status_code == 303
    assert enter(browser, enrolled.app.next_code()).status_code == 303
    assert browser.get("/payroll").text == "open"


def test_a_user_without_a_second_factor_is_led_to_add_one(app: Flask, clock: FrozenClock) -> None:
    browser = Browser(app)
    sign_up(browser, app)
    assert browser.get("/payroll").headers["Location"] == "/account/totp"
    enrol(browser, clock)

    assert browser.get("/payroll").text == "open"


def test_a_provider_does_not_ask_for_it_but_its_session_has_one_factor(
    enrolled: Enrolled, app: Flask, clock: FrozenClock
) -> None:
    """Only to confirm their identity the user is asked, so that the level is not lowered either."""
    browser = enrolled.browser
    browser.choose(browser.submit("/account/accounts/development/link").headers["Location"])
    linked = browser.get(browser.choose(browser.submit("/account/accounts/development/link").headers["Location"]))
    assert "notice=linked" in linked.headers["Location"]
    other = Browser(app)

    assert other.sign_in().headers["Location"].endswith("/dashboard")
    assert "amr" not in claims(other)
    assert other.get("/payroll").headers["Location"].startswith(FRESH)
    start = other.submit("/api/auth/signin/development", callbackUrl="/payroll", purpose="fresh")
    assert other.get(other.choose(start.headers["Location"])).headers["Location"] == SECOND
    assert enter(other, enrolled.app.next_code()).headers["Location"].endswith("/payroll")
    assert claims(other)["amr"] == ["otp", "mfa"]
    assert other.get("/payroll").text == "open"


def test_a_trusted_device_is_not_asked_for_thirty_days(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    browser = trust(app, enrolled)
    browser.sign_out()
    assert sign_in(browser).endswith("/dashboard")
    assert claims(browser)["amr"] == ["pwd"]
    assert sign_in(Browser(app)) == SECOND
    clock.advance(30 * 86_400 + 1)

    assert sign_in(browser) == SECOND


def test_a_trusted_device_does_not_confirm_an_identity(enrolled: Enrolled, app: Flask) -> None:
    browser = trust(app, enrolled)
    browser.sign_out()
    sign_in(browser)

    assert browser.get("/payroll").headers["Location"].startswith(FRESH)
    assert browser.get("/account/address").headers["Location"].startswith(FRESH)
    assert sign_in(browser, purpose="fresh") == SECOND
    page = browser.get("/account/second").text
    assert 'type="checkbox"' not in page
    enter(browser, enrolled.app.next_code())
    assert browser.get("/payroll").text == "open"


def test_a_device_of_one_user_is_not_that_of_another(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    browser, other = trust(app, enrolled), Browser(app)
    sign_up(other, app, "ada@example.com")
    enrol(other, clock)

    assert sign_in(browser, "ada@example.com") == SECOND


def test_trust_is_listed_and_revoked(enrolled: Enrolled, app: Flask) -> None:
    browser = trust(app, enrolled)
    page = browser.get("/account").text
    assert "This device" in page
    found = re.search(r'action="(/account/devices/[^"]+/revoke)"', page)
    assert found is not None
    assert Browser(app).submit(found[1]).status_code in (303, 401)
    assert browser.submit(found[1]).headers["Location"] == "/account?notice=device-revoked"
    assert browser.submit(found[1]).status_code == 404

    assert sign_in(browser) == SECOND


@pytest.mark.parametrize("change", ["password", "reset", "off", "codes", "others", "owner", "here"])
def test_what_ends_trust(enrolled: Enrolled, app: Flask, change: str) -> None:
    """Signing out everywhere else keeps the device that does it."""
    browser, main = trust(app, enrolled), enrolled.browser
    password = PASSWORD
    if change == "password":
        main.submit("/account/password", current_password=PASSWORD, password=OTHER)
        password = OTHER
    elif change == "reset":
        other = Browser(app)
        other.submit("/account/reset", email=ADDRESS)
        other.get(link(mails(app)[0]))
        other.submit("/account/reset/new", password=OTHER)
        assert other.session() is None
        password = OTHER
    elif change == "off":
        main.submit("/account/totp/off")
        enrolled.app.clock.advance(1)
        enrol(main, enrolled.app.clock)
    elif change == "codes":
        main.submit("/account/totp/codes")
    elif change == "owner":
        app.test_cli_runner().invoke(args=["sessions", "end", "--everyone"])
    else:
        (main if change == "others" else browser).submit("/account/sessions/end-others")
    location = browser.submit(
        "/api/auth/callback/credentials", email=ADDRESS, password=password, callbackUrl="/dashboard"
    ).headers["Location"]

    assert (location == SECOND) == (change != "here")


def test_a_change_of_the_password_keeps_the_level_and_its_time(
    enrolled: Enrolled, app: Flask, clock: FrozenClock
) -> None:
    """The password alone must not make an old proof of the second factor a recent one."""
    browser = enrolled.browser
    before = claims(browser)
    clock.advance(1000)
    response = browser.submit("/account/password", current_password=PASSWORD, password=OTHER)

    assert response.headers["Location"].endswith("notice=password-changed")
    assert (claims(browser)["amr"], claims(browser)["auth_time"]) == (before["amr"], before["auth_time"])
    assert browser.get("/payroll").headers["Location"].startswith(FRESH)


def test_turning_off_needs_a_recent_code(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    browser = enrolled.browser
    clock.advance(301)
    for path in ("/account/totp/off", "/account/totp/codes", "/account/totp"):
        assert browser.submit(path, code=enrolled.app.code()).headers["Location"].startswith(FRESH)
    assert browser.get("/account/totp?replace").headers["Location"].startswith(FRESH)
    assert sign_in(browser, purpose="fresh") == SECOND
    enter(browser, enrolled.app.next_code())

    assert browser.submit("/account/totp/off").headers["Location"] == "/account?notice=second-factor-off"
    assert mails(app)[0].subject == "Your second factor was turned off for 127.0.0.1:5000"
    assert sign_in(Browser(app)).endswith("/dashboard")
    assert browser.submit("/account/totp/off").status_code == 404


def test_new_recovery_codes_take_the_place_of_the_old_ones(enrolled: Enrolled, app: Flask) -> None:
    codes = codes_in(enrolled.browser.submit("/account/totp/codes").text)
    assert len(set(codes) | set(enrolled.codes)) == 20
    assert mails(app)[0].subject == "New recovery codes were made for 127.0.0.1:5000"
    assert "Made new recovery codes" in enrolled.browser.get("/account").text
    browser = Browser(app)
    sign_in(browser)

    assert enter(browser, enrolled.codes[0]).status_code == 422
    assert enter(browser, codes[0]).status_code == 303


def test_another_app_takes_the_place_of_the_first_one(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    new = App(secret_in(enrolled.browser.get("/account/totp?replace").text), clock)
    browser = Browser(app)
    sign_in(browser)
    assert enter(browser, enrolled.app.next_code()).status_code == 303
    assert codes_in(enrolled.browser.submit("/account/totp", code=new.code()).text)
    browser = Browser(app)
    sign_in(browser)

    assert enter(browser, enrolled.app.next_code()).status_code == 422
    assert enter(browser, new.code()).status_code == 303


def test_a_token_of_another_application_claims_no_level(app: Flask) -> None:
    browser = Browser(app)
    sign_up(browser, app)
    token = claims(browser)
    assert token["amr"] == ["otp"]
    foreign = {name: value for name, value in token.items() if name not in ("session_start", "sid")} | {"amr": ["mfa"]}
    if browser.core.sessions.config.strategy == "jwt":
        sealed = browser.core.sessions.sealer.seal(foreign, 1000)
        browser.client.set_cookie(browser.core.cookie_names.session, sealed, domain="127.0.0.1")
        assert browser.session() is not None
        assert browser.get("/payroll").status_code == 303


def test_one_factor_adds_no_way_to_sign_in_and_deletes_nothing(enrolled: Enrolled, app: Flask) -> None:
    """A passkey or another account could be two factors at the next sign-in. Mails about a change go to the address."""
    browser = enrolled.browser
    linked = browser.choose(browser.submit("/account/accounts/development/link").headers["Location"])
    assert "notice=linked" in browser.get(linked).headers["Location"]
    other = Browser(app)
    other.sign_in()
    assert claims(other)["auth_time"] == int(browser.core.clock())
    sent = len(mails(app))

    assert other.submit("/account/accounts/development/link").headers["Location"].startswith(FRESH)
    assert other.get("/account/passkeys/add").headers["Location"].startswith(FRESH)
    assert other.get("/account/totp?replace").headers["Location"].startswith(FRESH)
    assert other.get("/account/address").headers["Location"].startswith(FRESH)
    assert other.submit("/account/address", email="thief@example.com").headers["Location"].startswith(FRESH)
    assert other.get("/account/password").headers["Location"].startswith(FRESH)
    changed = other.submit("/account/password", current_password=PASSWORD, password=OTHER)
    assert changed.headers["Location"].startswith(FRESH)
    assert len(mails(app)) == sent
    for answer in (other.get("/account/delete"), other.submit("/account/delete")):
        assert answer.headers["Location"].startswith(FRESH)
    assert sign_in(Browser(app)) == SECOND
    assert browser.get("/account/delete").status_code == 200
    assert browser.submit("/account/delete").headers["Location"].endswith("/?account=deleted")
