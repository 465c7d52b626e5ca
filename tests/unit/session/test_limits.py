"""How long a session lives: prolonged by use, at most once in a while, and never past its absolute end."""

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
from tests.session_client import ADA, SessionClient

NAME = "authjs.session-token"
HOUR, DAY = 3_600, 86_400


@pytest.fixture(name="options")
def _options(clock: FrozenClock) -> Core:
    return make_core(clock)


@pytest.fixture(name="ada")
def _ada(options: Core) -> SessionClient:
    visitor = SessionClient(options)
    visitor.sign_in()
    return visitor


def test_a_session_that_is_not_seen_for_thirty_days_ends(ada: SessionClient, clock: FrozenClock) -> None:
    clock.advance(30 * DAY + 14)
    assert ada.visit()
    ada.sign_in()
    clock.advance(30 * DAY + 15)
    assert ada.visit() is None
    assert ada.jar.values == {}


def test_a_session_is_prolonged_at_most_once_in_a_day(ada: SessionClient, clock: FrozenClock) -> None:
    values = set(ada.jar.values.values())
    for _ in range(10 * 24):
        clock.advance(HOUR)
        assert ada.visit()
        values |= set(ada.jar.values.values())
    assert len(values) == 1 + 10
    assert ada.token()["exp"] == clock.now + 30 * DAY


def test_the_cookie_lasts_as_long_as_the_token(ada: SessionClient, clock: FrozenClock) -> None:
    clock.advance(DAY)
    (cookie,) = refresh(read(RequestCookies(ada.jar.header), ada.options.sessions), ada.options.sessions)
    assert (cookie.expires, cookie.max_age) == (START + DAY + 30 * DAY, None)


def test_prolonging_keeps_every_claim_and_changes_times_and_id_only(ada: SessionClient, clock: FrozenClock) -> None:
    before = ada.token()
    clock.advance(DAY)
    ada.visit()
    after = ada.token()
    assert {name for name in before if before[name] != after[name]} == {"iat", "exp", "jti"}
    assert {name: after[name] for name in ADA} == ADA


def test_prolonging_asks_no_callback_and_the_answer_is_the_one_that_was_read(clock: FrozenClock) -> None:
    asked: list[object] = []

    def jwt(params: JWTParams) -> Token:
        asked.append(params)
        return params.token

    def session(params: SessionParams) -> Session:
        asked.append(params)
        return params.session

    visitor = SessionClient(make_core(clock, callbacks=Callbacks(jwt=jwt, session=session)))
    visitor.sign_in()
    asked.clear()
    clock.advance(DAY)
    first = visitor.token()
    assert visitor.visit()
    assert visitor.token() != first
    assert len(asked) == 2


def test_however_often_it_is_prolonged_a_session_ends_ninety_days_after_the_sign_in(
    ada: SessionClient, clock: FrozenClock
) -> None:
    signed_in_at = ada.token()["session_start"]
    while clock.now < START + 90 * DAY - HOUR:
        session = ada.visit()
        assert session
        assert session.expires.timestamp() <= START + 90 * DAY
        assert ada.token()["session_start"] == signed_in_at == START
        clock.advance(HOUR)
    assert ada.token()["exp"] <= START + 90 * DAY
    clock.now = START + 90 * DAY - 1
    assert ada.visit()
    clock.advance(1)
    assert ada.visit() is None
    assert ada.jar.values == {}


def _forgets(params: JWTParams) -> Token:
    return {"sub": params.token.get("sub")}


def _moves(params: JWTParams) -> Token:
    return {**params.token, "session_start": START + 900 * DAY, "iat": START + 900 * DAY, "exp": START + 900 * DAY}


def _nonsense(params: JWTParams) -> Token:
    return {**params.token, "session_start": "yesterday", "iat": None, "exp": "never"}


def _scribbles(params: JWTParams) -> Token:
    params.token.update(session_start=START + 900 * DAY, iat=START + 900 * DAY, exp=START + 900 * DAY)
    return params.token


@pytest.mark.parametrize("jwt", [_forgets, _moves, _nonsense, _scribbles])
def test_no_jwt_callback_loses_or_moves_the_absolute_end(jwt: Callable[[JWTParams], Token], clock: FrozenClock) -> None:
    visitor = SessionClient(make_core(clock, callbacks=Callbacks(jwt=jwt)))
    visitor.sign_in()
    while clock.now < START + 90 * DAY:
        assert visitor.visit()
        clock.advance(20 * DAY)
    clock.now = START + 90 * DAY
    assert visitor.visit() is None


@pytest.mark.parametrize("claim", [START + 900 * DAY, 2**52, "soon", None, True, -(2**53)])
def test_a_sign_in_in_the_future_or_at_no_time_is_not_believed(claim: object, clock: FrozenClock) -> None:
    options = make_core(clock)
    jar = CookieJar()
    token = options.sessions.sealer.seal({"sub": "1", "session_start": claim}, 200 * DAY)
    reading = read(RequestCookies(f"{NAME}={token}"), options.sessions)
    assert reading.cached is None or reading.cached.expires == START + 90 * DAY
    jar.take(refresh(reading, options.sessions))
    clock.advance(90 * DAY)
    assert read(RequestCookies(f"{NAME}={token}"), options.sessions).invalid


def test_a_session_of_a_nextjs_front_end_counts_from_when_its_token_was_made(options: Core, clock: FrozenClock) -> None:
    header = f"{NAME}={options.sessions.sealer.seal(ADA, 400 * DAY)}"
    clock.advance(89 * DAY)
    session = read(RequestCookies(header), options.sessions).session
    assert session
    assert session.expires.timestamp() == START + 90 * DAY
    clock.advance(DAY)
    assert read(RequestCookies(header), options.sessions).invalid


def test_nobody_gets_a_session_that_is_over_already(options: Core) -> None:
    known, written = update_session({**ADA, "session_start": START - 90 * DAY}, "", (NAME,), options.sessions)
    assert known is None
    assert [(cookie.name, cookie.max_age) for cookie in written] == [(NAME, 0)]


def test_a_clock_set_back_an_hour_makes_no_session_immortal_and_ends_none(
    ada: SessionClient, clock: FrozenClock
) -> None:
    assert ada.visit()
    clock.advance(-HOUR)
    assert ada.visit()
    SessionClient(ada.options).sign_in()
    clock.now = START + 30 * DAY + 15
    assert ada.visit() is None


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
def test_limits_that_contradict_each_other_stop_the_start(limits: dict[str, Any], clock: FrozenClock) -> None:
    with pytest.raises(ConfigurationError, match="session lifetimes"):
        make_core(clock, session_config=SessionConfig(**limits))


def _raise(_params: SessionParams) -> NoReturn:
    raise RuntimeError


def test_a_session_callback_that_fails_at_the_start_of_a_session_sets_no_cookie(clock: FrozenClock) -> None:
    with pytest.raises(RuntimeError):
        update_session(ADA, "", (), make_core(clock, callbacks=Callbacks(session=_raise)).sessions)


def test_a_token_of_a_clock_that_is_ahead_ends_with_the_absolute_limit_all_the_same(
    options: Core, clock: FrozenClock
) -> None:
    """Its age counts from when we first saw it, and nobody is signed out for another host's clock (F12)."""
    clock.now += 365 * DAY
    token = options.sessions.sealer.seal({**ADA, "sub": "1"}, 400 * DAY)
    clock.now -= 365 * DAY
    jar = CookieJar()
    jar.values = {NAME: token}
    alive = []
    for day in range(120):
        reading = read(RequestCookies(jar.header), options.sessions)
        jar.take(refresh(reading, options.sessions))
        alive.append(day) if reading.session else None
        clock.advance(DAY)
    assert alive == list(range(90))


@pytest.mark.parametrize(
    "origin",
    [
        "https://App.Example.com",
        "https://app.example.com:443",
        "https://app.example.com/x",
        "https://app.example.com?y",
    ],
)
def test_an_address_that_no_browser_would_call_an_origin_is_refused(clock: FrozenClock, origin: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_URL: "):
        make_core(clock, origin=origin)
