"""The fixture `genkan_clock` moves the clock of an application that has one already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from genkan import Genkan, fresh_login_required, testing
from genkan.errors import ConfigurationError
from genkan.web.state import MovableClock
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of

SignIn = Callable[..., FlaskClient]

DAY = 24 * 3600


@pytest.fixture(name="app")
def _app(guest: Flask) -> Flask:
    guest.add_url_rule("/secret", "secret", fresh_login_required(within=300)(lambda: "secret"))
    return guest


@pytest.mark.parametrize("is_built", [False, True])
def test_a_session_expires_when_the_clock_is_advanced(
    app: Flask, signed_in: SignIn, genkan_clock: MovableClock, is_built: bool
) -> None:
    if is_built:
        browser_of(app)
    client = signed_in()
    genkan_clock.advance(29 * DAY)
    assert client.get("/private").status_code == 200
    genkan_clock.advance(31 * DAY)
    assert client.get("/private").status_code == 303


def test_a_recent_authentication_ages(app: Flask, genkan_clock: MovableClock) -> None:
    browser = browser_of(app)
    browser.sign_in()
    genkan_clock.advance(200)
    assert browser.get("/secret").text == "secret"
    genkan_clock.advance(200)
    assert browser.get("/secret").status_code == 303
    genkan_clock.advance(-200)
    assert browser.get("/secret").text == "secret"


def test_a_session_that_is_used_each_week_ends_after_ninety_days(signed_in: SignIn, genkan_clock: MovableClock) -> None:
    client, weeks = signed_in(), 0
    while client.get("/private").status_code == 200:
        genkan_clock.advance(7 * DAY)
        weeks += 1
    assert weeks == 13


def test_the_clock_is_set_to_a_moment(signed_in: SignIn, genkan_clock: MovableClock) -> None:
    genkan_clock.set(datetime(2031, 5, 4, tzinfo=UTC))
    client = signed_in()
    assert client.get("/api/auth/session").get_json()["expires"].startswith("2031-06-03")
    genkan_clock.set(1_700_000_000)
    assert 1_700_000_000 <= genkan_clock() < 1_700_000_060
    with pytest.raises(ValueError, match="timezone"):
        genkan_clock.set(datetime(2031, 5, 4))  # noqa: DTZ001 (that is the fault)


def test_what_was_revoked_stays_revoked(app: Flask, genkan_clock: MovableClock) -> None:
    browser = browser_of(app)
    browser.sign_in()
    cookie = browser.cookie("authjs.session-token") or ""
    genkan_clock.advance(3600)
    browser.sign_out()
    genkan_clock.advance(DAY)
    browser.client.set_cookie("authjs.session-token", cookie)
    assert browser.get("/private").status_code == 303


def test_other_code_has_the_time_of_the_computer(app: Flask, genkan_clock: MovableClock) -> None:
    app.add_url_rule("/now", "now", lambda: datetime.now(UTC).isoformat())
    genkan_clock.advance(400 * DAY)
    now = datetime.fromisoformat(app.test_client().get("/now").text)
    assert abs((now - datetime.now(UTC)).total_seconds()) < 60


def test_each_application_has_its_own_clock(app: Flask, tmp_path: Path, genkan_clock: MovableClock) -> None:
    genkan_clock.advance(DAY)
    other = Flask("other", root_path=str(tmp_path))
    other.testing = True
    Genkan(other)
    assert testing.clock_of(other).offset == 0


def test_an_application_that_is_not_under_test_says_so(make_guest: MakeGuest) -> None:
    app = make_guest(testing=False)
    with pytest.raises(ConfigurationError, match="Set TESTING before the first request"):
        testing.clock_of(app)
    app.debug = True
    browser_of(app)
    app.testing = True
    with pytest.raises(ConfigurationError, match="Set TESTING before the first request"):
        testing.clock_of(app)
