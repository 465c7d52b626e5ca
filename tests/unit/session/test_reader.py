"""Reading of sessions: valid and invalid cookies, the callbacks, the cache, and errors."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest

from genkan.callbacks import Callbacks, JWTParams, SessionParams
from genkan.core import Core
from genkan.crypto.sealer import CLOCK_TOLERANCE, Sealer
from genkan.http.cookies import RequestCookies
from genkan.session.issuer import CALLBACK_CACHE_SECONDS, update_session
from genkan.session.reader import NO_SESSION, SessionResult, read, refresh
from genkan.types import Session, SessionUser, Token
from tests.clock import START, FrozenClock
from tests.cookie_jar import CookieJar
from tests.core import SECRET, make_core
from tests.tokens import jwe

NAME = "authjs.session-token"
DAY = 86_400
ADA: Token = {"sub": "1", "name": "Ada", "email": "ada@example.org", "picture": "https://img.example/ada.png"}


class Recorder:
    """Callbacks that record their calls. `on_jwt` and `on_session` compute the results."""

    def __init__(self) -> None:
        self.calls: list[JWTParams | SessionParams] = []
        self.on_jwt: Any = None
        self.on_session: Any = None

    def jwt(self, params: JWTParams) -> Token | None:
        self.calls.append(params)
        token: Token | None = self.on_jwt(params) if self.on_jwt else params.token
        return token

    def session(self, params: SessionParams) -> Session | None:
        self.calls.append(params)
        session: Session | None = self.on_session(params) if self.on_session else params.session
        return session


@pytest.fixture(name="recorder")
def _recorder() -> Recorder:
    return Recorder()


@pytest.fixture(name="core")
def _core(clock: FrozenClock, recorder: Recorder) -> Core:
    return make_core(clock, callbacks=Callbacks(jwt=recorder.jwt, session=recorder.session))


def _header(core: Core, token: Token = ADA, max_age: int = 30 * DAY) -> str:
    """Return the Cookie header of a session that another worker or a Next.js front end created."""
    return f"{NAME}={core.sessions.sealer.seal(token, max_age)}"


def _raise(_params: object) -> NoReturn:
    raise RuntimeError("ada@example.org")


def test_without_a_session_cookie_there_is_no_session(core: Core, recorder: Recorder) -> None:
    for header in ("", "a=b", f"{NAME}-legacy=x", f"{NAME}="):
        assert read(RequestCookies(header), core.sessions) is NO_SESSION
    assert recorder.calls == []


def test_a_session_has_name_email_image_and_expiry(core: Core) -> None:
    session = read(RequestCookies(_header(core)), core.sessions).session
    assert session == Session(
        SessionUser("Ada", "ada@example.org", "https://img.example/ada.png"),
        datetime.fromtimestamp(START + 30 * DAY, UTC),
    )


def test_the_json_contains_only_the_documented_fields(core: Core) -> None:
    cached = read(RequestCookies(_header(core, {**ADA, "secret": "s", "access_token": "at"})), core.sessions).cached
    assert cached is not None
    assert json.loads(cached.body) == {
        "user": {"name": "Ada", "email": "ada@example.org", "image": "https://img.example/ada.png"},
        "expires": "2026-12-18T11:06:40.000Z",
    }


@pytest.mark.parametrize("value", [None, 7, ["Ada"], {"first": "Ada"}, True])
def test_a_claim_of_the_wrong_type_becomes_null(value: object, core: Core) -> None:
    session = read(
        RequestCookies(_header(core, {"name": value, "email": value, "picture": value})), core.sessions
    ).session
    assert session is not None
    assert session.user.to_json() == {"name": None, "email": None, "image": None}


def test_a_lone_surrogate_becomes_the_replacement_character(core: Core) -> None:
    """JavaScript can cut an emoji in two, and half of it cannot be encoded as UTF-8."""
    claims = {"name": "Ada \ud83c", "picture": "\udf89", "iat": int(START), "exp": int(START) + DAY}
    cached = read(RequestCookies(f"{NAME}={jwe.seal_claims(claims, SECRET, NAME)}"), core.sessions).cached
    assert cached is not None
    assert json.loads(cached.body)["user"] == {"name": "Ada \ufffd", "email": None, "image": "\ufffd"}


def test_jwt_and_session_are_called_once_in_this_order(core: Core, recorder: Recorder) -> None:
    recorder.on_jwt = lambda params: {**params.token, "role": "owner"}
    read(RequestCookies(_header(core)), core.sessions)
    jwt, session = recorder.calls
    assert isinstance(jwt, JWTParams)
    assert isinstance(session, SessionParams)
    assert (jwt.trigger, jwt.user, jwt.account, jwt.session) == (None, None, None, None)
    assert session.token["role"] == "owner"


def test_the_callbacks_are_called_again_after_a_minute(core: Core, recorder: Recorder, clock: FrozenClock) -> None:
    header = _header(core)
    first = read(RequestCookies(header), core.sessions)
    clock.advance(CALLBACK_CACHE_SECONDS - 1)
    assert read(RequestCookies(header), core.sessions).cached is first.cached
    assert len(recorder.calls) == 2
    clock.advance(1)
    assert read(RequestCookies(header), core.sessions).session == first.session
    assert len(recorder.calls) == 4


def test_an_issued_session_is_cached(core: Core, recorder: Recorder) -> None:
    jar = CookieJar()
    cached, set_cookies = update_session({**ADA, "iat": int(START)}, "", (), core.sessions)
    jar.store(set_cookies)
    assert read(RequestCookies(jar.header), core.sessions).cached is cached
    assert len(recorder.calls) == 1


def test_a_cached_session_expires_with_its_token(core: Core, clock: FrozenClock) -> None:
    header = _header(core, max_age=30)
    assert read(RequestCookies(header), core.sessions).session
    clock.advance(30 + CLOCK_TOLERANCE - 1)
    assert read(RequestCookies(header), core.sessions).session
    clock.advance(1)
    assert len(core.sessions.cache) == 1
    assert read(RequestCookies(header), core.sessions) == SessionResult(cookie_names=(NAME,), invalid=True)


@pytest.mark.parametrize("header", ["x", "a.b.c", "a..b.c.d", "%", "ÿ", "=;", "eyJhbGciOiJub25lIn0.e30."])
def test_a_cookie_that_does_not_open_is_left_alone(
    header: str, core: Core, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    result = read(RequestCookies(f"{NAME}={header}"), core.sessions)
    assert result == SessionResult(cookie_names=(NAME,))
    assert refresh(result, core.sessions) == ()
    assert caplog.records == []
    assert recorder.calls == []


def test_a_token_without_exp_is_invalid(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sealer, "open", lambda *_: {"sub": "1"})
    result = read(RequestCookies(f"{NAME}=token"), core.sessions)
    assert (result.session, result.invalid) == (None, True)


def test_a_token_without_a_time_of_issue_is_valid_until_any_rule_revokes_it(core: Core) -> None:
    """Its age is unknown. Auth.js always sets `iat`."""
    cookies = RequestCookies(f"{NAME}={jwe.seal_claims({'sub': '1', 'exp': int(START) + DAY}, SECRET, NAME)}")
    assert read(cookies, core.sessions).session
    core.sessions.store.revoke_user("1")
    core.sessions.revocations.read_now()
    assert read(cookies, core.sessions).invalid


def test_chunks_of_which_one_is_missing_are_left_alone(core: Core) -> None:
    result = read(RequestCookies(f"{NAME}.0=a; {NAME}.2=c"), core.sessions)
    assert (result.session, set(result.cookie_names)) == (None, {f"{NAME}.0", f"{NAME}.2"})
    assert refresh(result, core.sessions) == ()


def test_a_token_encrypted_for_another_purpose_does_not_open(core: Core, clock: FrozenClock) -> None:
    for salt in ("authjs.flow", "__Secure-authjs.session-token", "genkan.dev_provider.code", "authjs.csrf-token"):
        token = Sealer([SECRET], salt, clock).seal(ADA, 60)
        assert read(RequestCookies(f"{NAME}={token}"), core.sessions) == SessionResult(cookie_names=(NAME,))


def test_invalid_tokens_are_not_cached(core: Core) -> None:
    for number in range(1000):
        read(RequestCookies(f"{NAME}=eyJ{number}..AAAA.AAAA.AAAA"), core.sessions)
    assert len(core.sessions.cache) == 0


@pytest.mark.parametrize("callback", ["on_jwt", "on_session"])
def test_a_callback_that_raises_gives_no_session_and_keeps_the_cookie(
    callback: str, core: Core, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    header = _header(core)
    setattr(recorder, callback, _raise)
    result = read(RequestCookies(header), core.sessions)
    assert (result.session, result.invalid, result.failed) == (None, False, True)
    assert refresh(result, core.sessions) == ()
    (record,) = caplog.records
    assert "ada@" not in str(record.__dict__)
    setattr(recorder, callback, None)
    assert read(RequestCookies(header), core.sessions).session


@pytest.mark.parametrize("callback", ["on_jwt", "on_session"])
def test_a_token_error_from_a_callback_does_not_end_the_session(callback: str, core: Core, recorder: Recorder) -> None:
    setattr(recorder, callback, lambda _: core.checks.sealer.open("not a token"))
    assert read(RequestCookies(_header(core)), core.sessions).failed


def test_a_jwt_callback_that_returns_none_ends_the_session(core: Core, recorder: Recorder) -> None:
    recorder.on_jwt = lambda _: None
    result = read(RequestCookies(_header(core)), core.sessions)
    assert (result.session, result.invalid) == (None, True)
    assert len(recorder.calls) == 1


def test_a_session_callback_that_returns_none_gives_no_session_and_keeps_the_cookie(
    core: Core, recorder: Recorder
) -> None:
    recorder.on_session = lambda _: None
    header = _header(core)
    result = read(RequestCookies(header), core.sessions)
    assert (result.session, result.invalid, result.failed) == (None, False, False)
    assert refresh(result, core.sessions) == ()
    recorder.on_session = None
    assert read(RequestCookies(header), core.sessions).session


@pytest.mark.parametrize("returned", [True, 1, "Ada", ["Ada"], RuntimeError("down"), SessionUser("Ada"), object()])
@pytest.mark.parametrize("callback", ["on_jwt", "on_session"])
def test_a_callback_that_returns_another_type_gives_no_session(
    callback: str, returned: object, core: Core, recorder: Recorder
) -> None:
    setattr(recorder, callback, lambda _: returned)
    result = read(RequestCookies(_header(core)), core.sessions)
    assert (result.session, result.failed) == (None, True)


def test_a_session_without_user_or_expiry_or_with_values_that_are_not_json_is_refused(
    core: Core, recorder: Recorder
) -> None:
    for change in ({"user": None}, {"expires": None}, {"extra": {"when": object()}}, {"extra": 7}):
        recorder.on_session = lambda params, change=change: replace(params.session, **change)
        assert read(RequestCookies(_header(core)), core.sessions).failed


def test_a_callback_that_changes_its_arguments_does_not_change_the_cached_session(
    core: Core, recorder: Recorder
) -> None:
    recorder.on_session = lambda params: params.token.clear() or params.session
    cached = read(RequestCookies(_header(core)), core.sessions).cached
    assert cached is not None
    assert cached.token["sub"] == "1"
