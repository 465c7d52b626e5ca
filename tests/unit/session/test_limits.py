"""Lifetime of a session: extended by use, at most once per `update_age`, and never beyond the absolute limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from genkan.callbacks import Callbacks, JWTParams, SessionParams
from genkan.core import Core
from genkan.errors import ConfigurationError
from genkan.http.cookies import RequestCookies
from genkan.session.issuer import update_session
from genkan.session.reader import read, refresh
from genkan.session.sessions import SessionConfig
from genkan.types import Session, Token
from tests.clock import START, FrozenClock
from tests.cookie_jar import CookieJar
from tests.core import make_core
from tests.session_client import ADA
from tests.unit.session.clients import SessionClient

NAME = "authjs.session-token"
HOUR, DAY = 3_600, 86_400


@pytest.fixture(name="core")
def _core(clock: FrozenClock) -> Core:
    return make_core(clock)


@pytest.fixture(name="client")
def _client(core: Core) -> SessionClient:
    client = SessionClient(core)
    client.sign_in()
    return client


def test_a_session_that_is_not_used_for_thirty_days_expires(client: SessionClient, clock: FrozenClock) -> None:
    clock.advance(30 * DAY + 14)
    assert client.request()
    client.sign_in()
    clock.advance(30 * DAY + 15)
    assert client.request() is None
    assert client.jar.values == {}


def test_a_session_is_extended_at_most_once_per_day(client: SessionClient, clock: FrozenClock) -> None:
    values = set(client.jar.values.values())
    for _ in range(10 * 24):
        clock.advance(HOUR)
        assert client.request()
        values |= set(client.jar.values.values())
    assert len(values) == 1 + 10
    assert client.token()["exp"] == clock.now + 30 * DAY


def test_the_cookie_lasts_as_long_as_the_token(client: SessionClient, clock: FrozenClock) -> None:
    clock.advance(DAY)
    (cookie,) = refresh(read(RequestCookies(client.jar.header), client.core.sessions), client.core.sessions)
    assert (cookie.expires, cookie.max_age) == (START + DAY + 30 * DAY, None)


def test_an_extension_changes_only_the_times_and_the_jti(client: SessionClient, clock: FrozenClock) -> None:
    before = client.token()
    clock.advance(DAY)
    client.request()
    after = client.token()
    assert {name for name in before if before[name] != after[name]} == {"iat", "exp", "jti"}
    assert {name: after[name] for name in ADA} == ADA


def test_an_extension_calls_no_callback_a_second_time(clock: FrozenClock) -> None:
    calls: list[object] = []

    def jwt(params: JWTParams) -> Token:
        calls.append(params)
        return params.token

    def session(params: SessionParams) -> Session:
        calls.append(params)
        return params.session

    client = SessionClient(make_core(clock, callbacks=Callbacks(jwt=jwt, session=session)))
    client.sign_in()
    calls.clear()
    clock.advance(DAY)
    first = client.token()
    assert client.request()
    assert client.token() != first
    assert len(calls) == 2


def test_a_session_ends_ninety_days_after_the_sign_in_however_often_it_is_extended(
    client: SessionClient, clock: FrozenClock
) -> None:
    session_start = client.token()["session_start"]
    while clock.now < START + 90 * DAY - HOUR:
        session = client.request()
        assert session
        assert session.expires.timestamp() <= START + 90 * DAY
        assert client.token()["session_start"] == session_start == START
        clock.advance(HOUR)
    assert client.token()["exp"] <= START + 90 * DAY
    clock.now = START + 90 * DAY - 1
    assert client.request()
    clock.advance(1)
    assert client.request() is None
    assert client.jar.values == {}


def _drops_times(params: JWTParams) -> Token:
    return {"sub": params.token.get("sub")}


def _delays_times(params: JWTParams) -> Token:
    return {**params.token, "session_start": START + 900 * DAY, "iat": START + 900 * DAY, "exp": START + 900 * DAY}


def _sets_invalid_times(params: JWTParams) -> Token:
    return {**params.token, "session_start": "yesterday", "iat": None, "exp": "never"}


def _changes_its_argument(params: JWTParams) -> Token:
    params.token.update(session_start=START + 900 * DAY, iat=START + 900 * DAY, exp=START + 900 * DAY)
    return params.token


@pytest.mark.parametrize("jwt", [_drops_times, _delays_times, _sets_invalid_times, _changes_its_argument])
def test_a_jwt_callback_cannot_change_the_absolute_limit(jwt: Callable[[JWTParams], Token], clock: FrozenClock) -> None:
    client = SessionClient(make_core(clock, callbacks=Callbacks(jwt=jwt)))
    client.sign_in()
    while clock.now < START + 90 * DAY:
        assert client.request()
        clock.advance(20 * DAY)
    clock.now = START + 90 * DAY
    assert client.request() is None


@pytest.mark.parametrize("claim", ["soon", None, True, -(2**53)])
def test_a_session_start_of_the_wrong_type_is_not_used(claim: object, clock: FrozenClock) -> None:
    core = make_core(clock)
    jar = CookieJar()
    token = core.sessions.sealer.seal({"sub": "1", "session_start": claim}, 200 * DAY)
    result = read(RequestCookies(f"{NAME}={token}"), core.sessions)
    assert result.cached is None or result.cached.expires == START + 90 * DAY
    jar.store(refresh(result, core.sessions))
    clock.advance(90 * DAY)
    assert read(RequestCookies(f"{NAME}={token}"), core.sessions).invalid


@pytest.mark.parametrize("claim", [START + 20 * DAY, START + 900 * DAY, 2**52])
def test_a_session_start_in_the_future_counts_as_the_time_of_the_first_extension(
    core: Core, clock: FrozenClock, claim: float
) -> None:
    """A clock that was ahead at the sign-in makes the session at most a day longer, however far ahead it was."""
    jar = CookieJar()
    jar.values = {NAME: core.sessions.sealer.seal({"sub": "1", "session_start": int(claim)}, 30 * DAY)}
    days = []
    for day in range(120):
        result = read(RequestCookies(jar.header), core.sessions)
        jar.store(refresh(result, core.sessions))
        if result.session:
            days.append(day)
            assert result.session.expires.timestamp() <= clock.now + 90 * DAY
        clock.advance(DAY)
    assert days == list(range(91))


def test_a_session_that_is_not_used_expires_also_if_its_start_is_in_the_future(core: Core, clock: FrozenClock) -> None:
    header = f"{NAME}={core.sessions.sealer.seal({'sub': '1', 'session_start': int(START) + 900 * DAY}, 30 * DAY)}"
    clock.advance(30 * DAY + 14)
    assert read(RequestCookies(header), core.sessions).session
    clock.advance(1)
    assert read(RequestCookies(header), core.sessions).invalid


def test_the_age_of_a_next_js_session_counts_from_iat(core: Core, clock: FrozenClock) -> None:
    header = f"{NAME}={core.sessions.sealer.seal(ADA, 400 * DAY)}"
    clock.advance(89 * DAY)
    session = read(RequestCookies(header), core.sessions).session
    assert session
    assert session.expires.timestamp() == START + 90 * DAY
    clock.advance(DAY)
    assert read(RequestCookies(header), core.sessions).invalid


def test_a_session_that_has_expired_is_not_issued(core: Core) -> None:
    cached, set_cookies = update_session({**ADA, "session_start": START - 90 * DAY}, "", (NAME,), core.sessions)
    assert cached is None
    assert [(cookie.name, cookie.max_age) for cookie in set_cookies] == [(NAME, 0)]


def test_a_clock_set_back_by_an_hour_neither_ends_a_session_nor_keeps_it_too_long(
    client: SessionClient, clock: FrozenClock
) -> None:
    assert client.request()
    clock.advance(-HOUR)
    assert client.request()
    SessionClient(client.core).sign_in()
    clock.now = START + 30 * DAY + 15
    assert client.request() is None


@pytest.mark.parametrize(
    "limits",
    [
        {"max_age": 0},
        {"update_age": -1},
        {"max_age": 0, "update_age": 0},
        {"update_age": 31 * DAY},
        {"absolute_age": 29 * DAY},
        {"max_age": -1},
    ],
)
def test_contradictory_limits_are_a_configuration_error(limits: dict[str, Any], clock: FrozenClock) -> None:
    with pytest.raises(ConfigurationError, match="session lifetimes"):
        make_core(clock, session_config=SessionConfig(**limits))


def _raise(_params: SessionParams) -> NoReturn:
    raise RuntimeError


def test_a_session_callback_that_fails_at_the_sign_in_sets_no_cookie(clock: FrozenClock) -> None:
    with pytest.raises(RuntimeError):
        update_session(
            {**ADA, "iat": int(START)}, "", (), make_core(clock, callbacks=Callbacks(session=_raise)).sessions
        )


# requirement F12
def test_a_token_issued_by_a_clock_that_is_ahead_has_the_absolute_limit(core: Core, clock: FrozenClock) -> None:
    """Its age counts from the first request here, so that a wrong clock of another host signs no user out."""
    clock.now += 365 * DAY
    token = core.sessions.sealer.seal({**ADA, "sub": "1"}, 400 * DAY)
    clock.now -= 365 * DAY
    jar = CookieJar()
    jar.values = {NAME: token}
    days = []
    for day in range(120):
        result = read(RequestCookies(jar.header), core.sessions)
        jar.store(refresh(result, core.sessions))
        if result.session:
            days.append(day)
        clock.advance(DAY)
    assert days == list(range(90))


@pytest.mark.parametrize(
    "origin",
    [
        "https://App.Example.com",
        "https://app.example.com:443",
        "https://app.example.com/x",
        "https://app.example.com?y",
    ],
)
def test_an_auth_url_that_is_not_an_origin_is_a_configuration_error(clock: FrozenClock, origin: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_URL: "):
        make_core(clock, origin=origin)
