"""Reading a session: from a Cookie header to who is there, and prolonging it when that is due."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from genkan import cookies
from genkan.errors import TokenError
from genkan.http import Cookie, Reply, Request
from genkan.identity import JSON, Session, SessionUser, Token
from genkan.options import JWTParams, Known, Options, SessionParams
from genkan.tokens import CLOCK_TOLERANCE

_log = logging.getLogger("genkan.session")

CALLBACKS_HOLD = 60
"""Seconds for which a worker takes the callbacks' word for a token it has seen; the token's own expiry is checked
at every reading."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer to one request's question, and what the response owes the browser for it."""

    known: Known | None = None
    names: tuple[str, ...] = ()
    """The session cookies the browser sent."""
    ended: bool = False
    """They are of no use any more and are to be deleted."""
    failed: bool = False
    """Something of ours broke, so nobody is signed in for now; the cookies stay (S9)."""

    @property
    def session(self) -> Session | None:
        """Who is signed in."""
        return self.known.session if self.known else None


NOBODY = Reading()


def read(cookie_header: str, options: Options) -> Reading:
    """Who sent this header. Never raises: any trouble is nobody, and a log line (S9)."""
    cookie = cookies.read_session(cookie_header, options.names.session)
    if cookie is None:
        return NOBODY
    if cookie.token is None:
        return Reading(names=cookie.names, ended=True)
    digest = sha256(cookie.token.encode("utf-8", "surrogatepass")).digest()
    now = options.clock()
    known = options.memory.get(digest)
    if known is None or known.stale_at <= now:
        return _open(cookie.token, cookie.names, digest, now, options)
    if known.until <= now:
        return Reading(names=cookie.names, ended=True)
    return Reading(known, cookie.names)


def renew(reading: Reading, options: Options) -> tuple[Cookie, ...]:
    """Set-Cookies for a session that is due to be prolonged, or deletes one that has ended; mostly nothing."""
    if reading.ended:
        return cookies.clear(reading.names, secure=options.secure)
    known = reading.known
    if known is None or options.clock() < known.renew_at:
        return ()
    try:
        return issue(known.token, reading.names, options)[1]
    except Exception as error:  # noqa: BLE001 (the session callback again; the cookie the browser has still holds)
        _log.error("session could not be prolonged", extra={"error": type(error).__name__})
        return ()


def issue(token: Token, seen: tuple[str, ...], options: Options) -> tuple[Known | None, tuple[Cookie, ...]]:
    """A session for these claims, and its cookies.

    It lives `max_age` from now, never past the absolute limit, which is counted from `auth_time` (S6). The
    finished session is remembered, so that the next request with it need not open it.
    """
    now = options.clock()
    claims = {**token, "auth_time": _signed_in_at(token, now)}
    age = min(options.policy.max_age, int(claims["auth_time"] + options.policy.absolute_age - now))
    if age <= 0:
        return None, cookies.clear(seen, secure=options.secure)
    sealed = options.sessions.seal(claims, age)
    expires = int(now) + age
    known = _finish({**claims, "iat": int(now), "exp": expires}, now, options, current=True)
    if known is not None:
        options.memory.put(sha256(sealed.encode()).digest(), known)
    written = cookies.write_session(
        options.names.session, sealed, seen=seen, secure=options.secure, expires=expires
    )
    return known, written


def update(request: Request, options: Options) -> Reply:
    """`POST /api/auth/session`: the jwt callback decides what of `data` it takes; the new session, or null.

    Any failure is 400 with null and changes nothing (protocol.md 1.5).
    """
    reading = read(request.cookie_header, options)
    try:
        options.csrf.check_origin(request.headers)
        options.csrf.check(cookies.read(request.cookie_header, options.names.csrf), request.csrf_token)
        return _update(reading, request.body.get("data"), options)
    except Exception as error:  # noqa: BLE001 (a callback is the application's code: whatever it raises, nothing changes)
        _log.warning("session not updated", extra={"error": type(error).__name__})
        return Reply(400)


def _update(reading: Reading, data: JSON, options: Options) -> Reply:
    if reading.known is None:
        return Reply(cookies=renew(reading, options))
    token = options.callbacks.jwt(JWTParams(token=dict(reading.known.token), trigger="update", session=data))
    if token is None:
        return Reply(cookies=cookies.clear(reading.names, secure=options.secure))
    known, written = issue(token, reading.names, options)
    return Reply(body=known.session.to_json() if known else None, cookies=written)


def default_session(token: Token, expires: float) -> Session:
    """What Auth.js makes of a token before the session callback has its say: name, email and picture."""
    name, email, image = (_text(token.get(claim)) for claim in ("name", "email", "picture"))
    return Session(SessionUser(name, email, image), datetime.fromtimestamp(expires, UTC))


def _open(sealed: str, names: tuple[str, ...], digest: bytes, now: float, options: Options) -> Reading:
    try:
        claims = options.sessions.open(sealed)
        if "exp" not in claims:
            raise TokenError
        token = options.callbacks.jwt(JWTParams(token=dict(claims)))
        times: Token = {name: claims[name] for name in ("iat", "exp") if name in claims}
        current = options.sessions.is_current(sealed)
        known = None if token is None else _finish({**token, **times}, now, options, current=current)
    except TokenError:
        return Reading(names=names, ended=True)
    except Exception as error:  # noqa: BLE001 (a callback is the application's code: whatever it raises means nobody)
        _log.error("session could not be read", extra={"error": type(error).__name__})
        return Reading(names=names, failed=True)
    if known is None or known.until <= now:
        return Reading(names=names, ended=True)
    options.memory.put(digest, known)
    return Reading(known, names)


def _finish(token: Token, now: float, options: Options, *, current: bool) -> Known | None:
    issued = token.get("iat", 0)
    end = _signed_in_at(token, now) + options.policy.absolute_age
    expires = float(min(token["exp"], end))
    session = options.callbacks.session(SessionParams(default_session(token, expires), dict(token)))
    if session is None:
        return None
    body = json.dumps(session.to_json(), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    renew_at = issued + options.policy.update_age if current else 0.0
    # The tolerance is for the clock of whoever minted the token; the absolute limit is counted by ours alone.
    until = float(min(token["exp"] + CLOCK_TOLERANCE, end))
    return Known(session, token, body, until, renew_at, now + CALLBACKS_HOLD)


def _signed_in_at(token: Token, now: float) -> int:
    # A token from a Next.js front end does not say; its age counts from when we first see it. A time in the
    # future would move the absolute limit, so it is not believed.
    claimed = token.get("auth_time", token.get("iat", now))
    usable = isinstance(claimed, int | float) and not isinstance(claimed, bool)
    return int(min(claimed, token.get("iat", now), now)) if usable else int(now)


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None
