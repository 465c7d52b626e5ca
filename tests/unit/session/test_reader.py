"""Reading a session: who is there, what the callbacks have to say, and how every kind of trouble ends."""

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
    """Callbacks that count how often they are asked, and answer as they are told."""

    def __init__(self) -> None:
        self.asked: list[JWTParams | SessionParams] = []
        self.jwt_answer: Any = None
        self.session_answer: Any = None

    def jwt(self, params: JWTParams) -> Token | None:
        self.asked.append(params)
        answer: Token | None = self.jwt_answer(params) if self.jwt_answer else params.token
        return answer

    def session(self, params: SessionParams) -> Session | None:
        self.asked.append(params)
        answer: Session | None = self.session_answer(params) if self.session_answer else params.session
        return answer


@pytest.fixture(name="recorder")
def _recorder() -> Recorder:
    return Recorder()


@pytest.fixture(name="options")
def _options(clock: FrozenClock, recorder: Recorder) -> Core:
    return make_core(clock, callbacks=Callbacks(jwt=recorder.jwt, session=recorder.session))


def _header(options: Core, token: Token = ADA, max_age: int = 30 * DAY) -> str:
    """The cookie of somebody whose session another worker, or a Next.js front end, began."""
    return f"{NAME}={options.sessions.sealer.seal(token, max_age)}"


def _raise(_params: object) -> NoReturn:
    raise RuntimeError("ada@example.org")


def test_nobody_is_there_without_a_cookie(options: Core, recorder: Recorder) -> None:
    for header in ("", "a=b", f"{NAME}-legacy=x", f"{NAME}="):
        assert read(RequestCookies(header), options.sessions) is NO_SESSION
    assert recorder.asked == []


def test_a_session_tells_name_address_and_picture_and_when_it_ends(options: Core) -> None:
    session = read(RequestCookies(_header(options)), options.sessions).session
    assert session == Session(
        SessionUser("Ada", "ada@example.org", "https://img.example/ada.png"),
        datetime.fromtimestamp(START + 30 * DAY, UTC),
    )


def test_the_json_holds_the_allowed_fields_and_no_claim_besides(options: Core) -> None:
    known = read(
        RequestCookies(_header(options, {**ADA, "secret": "s", "access_token": "at"})), options.sessions
    ).cached
    assert known is not None
    assert json.loads(known.body) == {
        "user": {"name": "Ada", "email": "ada@example.org", "image": "https://img.example/ada.png"},
        "expires": "2026-12-18T11:06:40.000Z",
    }


@pytest.mark.parametrize("value", [None, 7, ["Ada"], {"first": "Ada"}, True])
def test_a_claim_of_the_wrong_type_is_told_as_nothing(value: object, options: Core) -> None:
    session = read(
        RequestCookies(_header(options, {"name": value, "email": value, "picture": value})), options.sessions
    ).session
    assert session is not None
    assert session.user.to_json() == {"name": None, "email": None, "image": None}


def test_half_a_character_in_a_name_is_shown_as_javascript_writes_it(options: Core) -> None:
    """JavaScript lets an emoji be cut in two; nothing can be encoded with the half."""
    claims = {"name": "Ada \ud83c", "picture": "\udf89", "exp": int(START) + DAY}
    known = read(RequestCookies(f"{NAME}={jwe.seal_claims(claims, SECRET, NAME)}"), options.sessions).cached
    assert known is not None
    assert json.loads(known.body)["user"] == {"name": "Ada \ufffd", "email": None, "image": "\ufffd"}


def test_the_callbacks_are_asked_jwt_first_then_session_and_once_each(options: Core, recorder: Recorder) -> None:
    recorder.jwt_answer = lambda params: {**params.token, "role": "owner"}
    read(RequestCookies(_header(options)), options.sessions)
    jwt, session = recorder.asked
    assert isinstance(jwt, JWTParams)
    assert isinstance(session, SessionParams)
    assert (jwt.trigger, jwt.user, jwt.account, jwt.session) == (None, None, None, None)
    assert session.token["role"] == "owner"


def test_a_worker_that_has_seen_the_token_asks_again_after_a_minute_only(
    options: Core, recorder: Recorder, clock: FrozenClock
) -> None:
    header = _header(options)
    first = read(RequestCookies(header), options.sessions)
    clock.advance(CALLBACK_CACHE_SECONDS - 1)
    assert read(RequestCookies(header), options.sessions).cached is first.cached
    assert len(recorder.asked) == 2
    clock.advance(1)
    assert read(RequestCookies(header), options.sessions).session == first.session
    assert len(recorder.asked) == 4


def test_a_token_just_issued_need_not_be_opened(options: Core, recorder: Recorder) -> None:
    jar = CookieJar()
    known, written = update_session(ADA, "", (), options.sessions)
    jar.take(written)
    assert read(RequestCookies(jar.header), options.sessions).cached is known
    assert len(recorder.asked) == 1


def test_what_a_worker_remembers_ends_with_the_token(options: Core, clock: FrozenClock) -> None:
    header = _header(options, max_age=30)
    assert read(RequestCookies(header), options.sessions).session
    clock.advance(30 + CLOCK_TOLERANCE - 1)
    assert read(RequestCookies(header), options.sessions).session
    clock.advance(1)
    assert len(options.sessions.cache) == 1
    assert read(RequestCookies(header), options.sessions) == SessionResult(cookie_names=(NAME,), invalid=True)


@pytest.mark.parametrize("header", ["x", "a.b.c", "a..b.c.d", "%", "ÿ", "=;", "eyJhbGciOiJub25lIn0.e30."])
def test_a_bad_token_is_nobody_a_line_in_the_log_and_a_cookie_to_clear(
    header: str, options: Core, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reading = read(RequestCookies(f"{NAME}={header}"), options.sessions)
    assert (reading.session, reading.invalid, reading.failed) == (None, True, False)
    assert [cookie.to_header() for cookie in refresh(reading, options.sessions)] == [
        f"{NAME}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    ]
    assert [record.getMessage() for record in caplog.records] == ["session not believed"]
    assert recorder.asked == []


def test_a_token_without_an_end_is_no_session(options: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sealer, "open", lambda *_: {"sub": "1"})
    reading = read(RequestCookies(f"{NAME}=opens"), options.sessions)
    assert (reading.session, reading.invalid) == (None, True)


def test_a_gap_among_the_chunks_is_nobody_and_every_chunk_is_cleared(options: Core) -> None:
    reading = read(RequestCookies(f"{NAME}.0=a; {NAME}.2=c"), options.sessions)
    assert reading.session is None
    assert {cookie.name for cookie in refresh(reading, options.sessions)} == {f"{NAME}.0", f"{NAME}.2"}


def test_a_token_of_any_other_purpose_is_no_session(options: Core, clock: FrozenClock) -> None:
    for salt in ("authjs.flow", "__Secure-authjs.session-token", "genkan.dev_provider.code", "authjs.csrf-token"):
        token = Sealer([SECRET], salt, clock).seal(ADA, 60)
        assert read(RequestCookies(f"{NAME}={token}"), options.sessions).invalid


def test_junk_is_never_remembered(options: Core) -> None:
    for number in range(1000):
        read(RequestCookies(f"{NAME}=eyJ{number}..AAAA.AAAA.AAAA"), options.sessions)
    assert len(options.sessions.cache) == 0


@pytest.mark.parametrize("which", ["jwt_answer", "session_answer"])
def test_a_callback_that_raises_makes_nobody_and_keeps_the_cookie(
    which: str, options: Core, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    header = _header(options)
    setattr(recorder, which, _raise)
    reading = read(RequestCookies(header), options.sessions)
    assert (reading.session, reading.invalid, reading.failed) == (None, False, True)
    assert refresh(reading, options.sessions) == ()
    (record,) = caplog.records
    assert "ada@" not in str(record.__dict__)
    setattr(recorder, which, None)
    assert read(RequestCookies(header), options.sessions).session


@pytest.mark.parametrize("which", ["jwt_answer", "session_answer"])
def test_a_bad_token_that_a_callback_met_elsewhere_does_not_end_the_session(
    which: str, options: Core, recorder: Recorder
) -> None:
    setattr(recorder, which, lambda _: options.checks.sealer.open("not a token"))
    assert read(RequestCookies(_header(options)), options.sessions).failed


def test_a_jwt_callback_that_says_none_ends_the_session(options: Core, recorder: Recorder) -> None:
    recorder.jwt_answer = lambda _: None
    reading = read(RequestCookies(_header(options)), options.sessions)
    assert (reading.session, reading.invalid) == (None, True)
    assert len(recorder.asked) == 1


def test_a_session_callback_that_says_none_hides_the_session_and_keeps_the_cookie(
    options: Core, recorder: Recorder
) -> None:
    recorder.session_answer = lambda _: None
    header = _header(options)
    reading = read(RequestCookies(header), options.sessions)
    assert (reading.session, reading.invalid, reading.failed) == (None, False, False)
    assert refresh(reading, options.sessions) == ()
    recorder.session_answer = None
    assert read(RequestCookies(header), options.sessions).session


@pytest.mark.parametrize("answer", [True, 1, "Ada", ["Ada"], RuntimeError("down"), SessionUser("Ada"), object()])
@pytest.mark.parametrize("which", ["jwt_answer", "session_answer"])
def test_an_answer_that_is_no_answer_is_never_somebody(
    which: str, answer: object, options: Core, recorder: Recorder
) -> None:
    setattr(recorder, which, lambda _: answer)
    reading = read(RequestCookies(_header(options)), options.sessions)
    assert (reading.session, reading.failed) == (None, True)


def test_a_session_without_a_user_or_with_what_is_no_json_is_nobody(options: Core, recorder: Recorder) -> None:
    for change in ({"user": None}, {"expires": None}, {"extra": {"when": object()}}, {"extra": 7}):
        recorder.session_answer = lambda params, change=change: replace(params.session, **change)
        assert read(RequestCookies(_header(options)), options.sessions).failed


def test_a_callback_can_scribble_on_what_it_is_given_without_touching_what_is_remembered(
    options: Core, recorder: Recorder
) -> None:
    recorder.session_answer = lambda params: params.token.clear() or params.session
    known = read(RequestCookies(_header(options)), options.sessions).cached
    assert known is not None
    assert known.token["sub"] == "1"
