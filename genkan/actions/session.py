"""Reading a session: from a Cookie header to who is there, and prolonging it when that is due."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import NamedTuple

from genkan import cookies
from genkan.actions import issuing
from genkan.callbacks import JWTParams
from genkan.endings import Verdict
from genkan.errors import StorageUnavailable, TokenError
from genkan.http import Cookie
from genkan.identity import Session, Token, text_of
from genkan.options import Known, Options
from genkan.session_records import UNRECORDED, session_name

_log = logging.getLogger("genkan.session")


class Reading(NamedTuple):
    """The answer to one request's question, and what the response owes the browser for it."""

    known: Known | None = None
    names: tuple[str, ...] = ()
    """The session cookies the browser sent."""
    ended: bool = False
    """They are of no use any more and are to be deleted."""
    failed: bool = False
    """Something of ours broke, so nobody is signed in for now; the cookies stay (S9)."""
    text: str = ""
    """What the cookies said."""

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
    try:
        return _read(cookie.token, cookie.names, options)
    except Exception as error:  # noqa: BLE001 (a callback is the application's code: whatever it raises means nobody)
        _log.error("session could not be read", extra={"error": type(error).__name__})
        return Reading(names=cookie.names, failed=True)


def whose(cookie_header: str, options: Options) -> str | None:
    """The id of the user who sent this header, or None for nobody. Raises StorageUnavailable where that can't be told."""
    reading = read(cookie_header, options)
    if reading.failed:
        raise StorageUnavailable
    return None if reading.known is None else text_of(reading.known.token, "sub")


def renew(reading: Reading, options: Options) -> tuple[Cookie, ...]:
    """Set-Cookies for a session that is due to be prolonged, or deletes one that has ended; mostly nothing.

    No callback is asked: they had their say when this request read the session. Also notes that it was seen, at
    most every issuing.SEEN_EVERY seconds.
    """
    if reading.ended:
        return cookies.clear(reading.names, secure=options.secure)
    known, now = reading.known, options.clock()
    if known is None or now < known.attend_at:
        return ()
    try:
        if now >= known.renew_at:
            with_news = not known.renew_at
            return issuing.prolong(known.token, reading.text, reading.names, options, with_news=with_news)
        _note_seen(known, now, options)
    except Exception as error:  # noqa: BLE001 (the callback's claims may be no JSON; the browser's cookie still holds)
        _log.error("session could not be prolonged", extra={"error": type(error).__name__})
    return ()


def _note_seen(known: Known, now: float, options: Options) -> None:
    name = session_name(known.token) or ""
    options.seen.put(name.encode(), now)
    known.attend_at = min(known.renew_at, now + issuing.SEEN_EVERY)
    if not name.startswith(UNRECORDED):
        options.store.touch(name, int(now), every=issuing.SEEN_EVERY)


def opened(text: str, now: float, options: Options) -> tuple[Token, Verdict] | None:
    """The claims of a live session, which say when it ends (T10) and when the sign-in was; None for any other text.

    With them whether what they say of their user is out of date. Raises StoreError where any of it can't be told.
    """
    try:
        claims = options.strategy.open(text)
    except TokenError:
        claims = {}
    signed_in_at = issuing.signed_in_at(claims, now)
    if "exp" not in claims or signed_in_at + options.policy.absolute_age <= now:
        _log.info("session not believed", extra={"event": "session-refused"})
        return None
    claims["auth_time"] = signed_in_at
    verdict = options.endings.judge(claims, signed_in_at)
    return None if verdict == "ended" else (claims, verdict)


def _read(text: str, names: tuple[str, ...], options: Options) -> Reading:
    digest = sha256(text.encode()).digest()
    now, version = options.clock(), options.endings.current()
    known = options.memory.get(digest)
    if known is None or known.stale_at <= now or not options.strategy.remembers:
        return _open(text, names, digest, known, now, options)
    if known.until <= now:
        return Reading(names=names, ended=True)
    if known.judged != version:
        if options.endings.judge(known.token, known.token["auth_time"]) is not None:
            return _open(text, names, digest, None, now, options)
        known.judged = version
    return Reading(known, names, text=text)


def _open(
    text: str, names: tuple[str, ...], digest: bytes, known: Known | None, now: float, options: Options
) -> Reading:
    version = options.endings.version
    found = opened(text, now, options)
    if found is None:
        return Reading(names=names, ended=True)
    claims, is_changed = found[0], found[1] == "changed"
    if known is not None and known.stale_at > now and known.opened == claims and not is_changed:
        known.judged = version
        return Reading(known, names, text=text)
    token = refreshed(claims, options) if is_changed else _asked(JWTParams(token=dict(claims)), claims, options)
    if token is None:
        return Reading(names=names, ended=True)
    current = options.strategy.is_current(text) and not is_changed
    known = issuing.finish(token, claims, now, options, current=current)
    if known is None:
        # The session callback tells of nobody; the cookie stays, as in Auth.js.
        return Reading(names=names)
    # What is read in the second of a change may change once more in it, which moves no version.
    known.judged = -1 if is_changed else version
    options.memory.put(digest, known, len(text))
    return Reading(known, names, text=text)


def refreshed(claims: Token, options: Options) -> Token | None:
    """The claims with what is stored of their user by now; None for one who may not come in any more."""
    claims = {**claims, "as_of": int(options.clock())}
    user = options.adapter.get_user(claims["sub"])
    if user is None:
        # Somebody else's user, such as a Next.js front end's: nothing here says anything about them.
        return _asked(JWTParams(token=dict(claims)), claims, options)
    if user.disabled:
        return None
    token = {**claims, "name": user.name, "email": user.email, "picture": user.image}
    return _asked(JWTParams(token=token, user=user, trigger="refresh"), claims, options)


def _asked(params: JWTParams, claims: Token, options: Options) -> Token | None:
    token = options.callbacks.jwt(params)
    return None if token is None else issuing.held(claims, token)
