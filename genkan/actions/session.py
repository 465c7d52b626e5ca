"""Reading a session: from a Cookie header to who is there, and prolonging it when that is due."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from genkan import cookies, strict_json
from genkan.cookies import SessionCookie
from genkan.errors import TokenError
from genkan.http import Cookie, Reply, Request
from genkan.identity import JSON, Session, SessionUser, Token, text_of
from genkan.options import JWTParams, Known, Options, SessionParams
from genkan.tokens import CLOCK_TOLERANCE

_log = logging.getLogger("genkan.session")

CALLBACKS_HOLD = 60
"""Seconds for which a worker takes the callbacks' word for a token it has seen; the token's own expiry is checked
at every reading."""

_TIMES = ("iat", "exp", "auth_time")


class Reading(NamedTuple):
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
    """Set-Cookies for a session that is due to be prolonged, or deletes one that has ended; mostly nothing.

    No callback is asked: they had their say when this request read the session.
    """
    if reading.ended:
        return cookies.clear(reading.names, secure=options.secure)
    known, now = reading.known, options.clock()
    if known is None or now < known.renew_at:
        return ()
    try:
        return _write(_seal(known.token, now, options), reading.names, options)
    except Exception as error:  # noqa: BLE001 (the callback's claims may be no JSON; the browser's cookie still holds)
        _log.error("session could not be prolonged", extra={"error": type(error).__name__})
        return ()


def issue(token: Token, seen: tuple[str, ...], options: Options) -> tuple[Known | None, tuple[Cookie, ...]]:
    """A session for these claims, and its cookies.

    It lives `max_age` from now, never past the absolute limit, which is counted from `auth_time` (S6). The
    finished session is remembered, so that the next request with it need not open it.
    """
    now = options.clock()
    sealed = _seal(token, now, options)
    known = None if sealed is None else _finish(sealed.claims, now, options, current=True)
    if sealed is not None and known is not None:
        options.memory.put(sha256(sealed.text.encode()).digest(), known, len(sealed.text))
    return known, _write(sealed, seen, options)


def update(request: Request, options: Options) -> Reply:
    """`POST /api/auth/session`: the jwt callback decides what of `data` it takes; the new session, or null.

    Any failure is 400 with null and changes nothing (protocol.md 1.5).
    """
    cookie = cookies.read_session(request.cookie_header, options.names.session)
    try:
        options.csrf.check_origin(request.headers)
        options.csrf.check(cookies.read(request.cookie_header, options.names.csrf), request.csrf_token)
        return Reply() if cookie is None else _update(cookie, request.body.get("data"), options)
    except Exception as error:  # noqa: BLE001 (a callback is the application's code: whatever it raises, nothing changes)
        _log.warning("session not updated", extra={"error": type(error).__name__})
        return Reply(400)


def _update(cookie: SessionCookie, data: JSON, options: Options) -> Reply:
    token = _opened(cookie.token or "", options.clock(), options)
    changed = token and options.callbacks.jwt(JWTParams(token=dict(token), trigger="update", session=data))
    if token is None or changed is None:
        return Reply(cookies=cookies.clear(cookie.names, secure=options.secure))
    # Whatever the callback took over from the browser, the sign-in was when it was (S6).
    known, written = issue({**changed, "auth_time": token["auth_time"]}, cookie.names, options)
    return Reply(body=known.session.to_json() if known else None, cookies=written)


def default_session(token: Token, expires: float) -> Session:
    """What Auth.js makes of a token before the session callback has its say: name, email and picture."""
    name, email, image = (text_of(token, claim) for claim in ("name", "email", "picture"))
    return Session(SessionUser(name, email, image), datetime.fromtimestamp(expires, UTC))


def _open(sealed: str, names: tuple[str, ...], digest: bytes, now: float, options: Options) -> Reading:
    try:
        claims = _opened(sealed, now, options)
        if claims is None:
            return Reading(names=names, ended=True)
        return _ask_callbacks(claims, sealed, names, digest, now, options)
    except Exception as error:  # noqa: BLE001 (a callback is the application's code: whatever it raises means nobody)
        _log.error("session could not be read", extra={"error": type(error).__name__})
        return Reading(names=names, failed=True)


def _opened(sealed: str, now: float, options: Options) -> Token | None:
    """The claims of a live session token, which say when it ends (T10) and when the sign-in was."""
    try:
        claims = options.sessions.open(sealed)
    except TokenError:
        claims = {}
    signed_in_at = _signed_in_at(claims, now)
    if "exp" not in claims or signed_in_at + options.policy.absolute_age <= now:
        _log.info("session not believed", extra={"event": "session-refused"})
        return None
    return {**claims, "auth_time": signed_in_at}


def _ask_callbacks(
    claims: Token, sealed: str, names: tuple[str, ...], digest: bytes, now: float, options: Options
) -> Reading:
    token = options.callbacks.jwt(JWTParams(token=dict(claims)))
    if token is None:
        return Reading(names=names, ended=True)
    # A callback that makes a token of its own can't lose, or move, the times it ends by (S6).
    times = {name: claims[name] for name in _TIMES if name in claims}
    known = _finish({**token, **times}, now, options, current=options.sessions.is_current(sealed))
    if known is None:
        # The session callback tells of nobody; the cookie stays, as in Auth.js (protocol.md 4.2).
        return Reading(names=names)
    options.memory.put(digest, known, len(sealed))
    return Reading(known, names)


class _Sealed(NamedTuple):
    text: str
    claims: Token


def _seal(token: Token, now: float, options: Options) -> _Sealed | None:
    """The token for `max_age` from now or until the absolute limit, if that is earlier; None if it is over (S6)."""
    claims = {**token, "auth_time": _signed_in_at(token, now)}
    age = min(options.policy.max_age, int(claims["auth_time"] + options.policy.absolute_age - now))
    if age <= 0:
        return None
    return _Sealed(options.sessions.seal(claims, age), {**claims, "iat": int(now), "exp": int(now) + age})


def _write(sealed: _Sealed | None, seen: tuple[str, ...], options: Options) -> tuple[Cookie, ...]:
    if sealed is None:
        return cookies.clear(seen, secure=options.secure)
    name, expires = options.names.session, sealed.claims["exp"]
    return cookies.write_session(name, sealed.text, seen=seen, secure=options.secure, expires=expires)


def _finish(token: Token, now: float, options: Options, *, current: bool) -> Known | None:
    issued = token.get("iat", 0)
    end = _signed_in_at(token, now) + options.policy.absolute_age
    expires = float(min(token["exp"], end))
    session = options.callbacks.session(SessionParams(default_session(token, expires), dict(token)))
    if session is None:
        return None
    if not isinstance(session, Session):
        raise TypeError("the session callback returns a Session or None")
    body = strict_json.write(session.to_json()).encode("utf-8", "backslashreplace")
    renew_at = issued + options.policy.update_age if current else 0.0
    # The tolerance is for the clock of whoever minted the token; the absolute limit is counted by ours alone.
    until = float(min(token["exp"] + CLOCK_TOLERANCE, end))
    return Known(session, token, body, until, renew_at, now + CALLBACKS_HOLD)


def _signed_in_at(token: Token, now: float) -> int:
    # A token from a Next.js front end does not say; its age counts from when it was made. A time in the future
    # would move the absolute limit, so it is not believed.
    claimed = (token.get("auth_time"), token.get("iat"), now)
    return int(min(time for time in claimed if isinstance(time, int | float) and not isinstance(time, bool)))
