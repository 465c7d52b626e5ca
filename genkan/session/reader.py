"""Reading a session: from a Cookie header to who is there, and prolonging it when that is due."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import NamedTuple

from genkan.adapters.sessions import JTI_PREFIX, session_id
from genkan.callbacks import JWTParams
from genkan.core import CachedSession, Core
from genkan.errors import AdapterUnavailable, TokenError
from genkan.http import cookies
from genkan.http.messages import Cookie
from genkan.session import issuer
from genkan.session.revocation_list import Verdict
from genkan.types import Session, Token, str_claim

_log = logging.getLogger("genkan.session")


class SessionResult(NamedTuple):
    """The answer to one request's question, and what the response owes the browser for it."""

    known: CachedSession | None = None
    cookie_names: tuple[str, ...] = ()
    """The session cookies the browser sent."""
    invalid: bool = False
    """They are of no use any more and are to be deleted."""
    failed: bool = False
    """Something of ours broke, so nobody is signed in for now; the cookies stay (S9)."""
    cookie_value: str = ""
    """What the cookies said."""

    @property
    def session(self) -> Session | None:
        """Who is signed in."""
        return self.known.session if self.known else None


NO_SESSION = SessionResult()


def read(cookie_header: str, options: Core) -> SessionResult:
    """Who sent this header. Never raises: any trouble is nobody, and a log line (S9)."""
    cookie = cookies.read_session(cookie_header, options.cookie_names.session)
    if cookie is None:
        return NO_SESSION
    if cookie.token is None:
        return SessionResult(cookie_names=cookie.names, invalid=True)
    try:
        return _read(cookie.token, cookie.names, options)
    except Exception as error:  # noqa: BLE001 (a callback is the application's code: whatever it raises means nobody)
        _log.error("session could not be read", extra={"error": type(error).__name__})
        return SessionResult(cookie_names=cookie.names, failed=True)


def user_id_of(cookie_header: str, options: Core) -> str | None:
    """The id of the user who sent this header, or None for nobody. Raises StorageUnavailable where that can't be told."""
    reading = read(cookie_header, options)
    if reading.failed:
        raise AdapterUnavailable
    return None if reading.known is None else str_claim(reading.known.token, "sub")


def refresh(reading: SessionResult, options: Core) -> tuple[Cookie, ...]:
    """Set-Cookies for a session that is due to be prolonged, or deletes one that has ended; mostly nothing.

    No callback is asked: they had their say when this request read the session. Also notes that it was seen, at
    most every issuing.SEEN_EVERY seconds.
    """
    if reading.invalid:
        return cookies.clear(reading.cookie_names, secure=options.secure)
    known, now = reading.known, options.clock()
    if known is None or now < known.touch_at:
        return ()
    try:
        if now >= known.renew_at:
            with_news = not known.renew_at
            return issuer.extend_session(
                known.token, reading.cookie_value, reading.cookie_names, options, with_news=with_news
            )
        _note_seen(known, now, options)
    except Exception as error:  # noqa: BLE001 (the callback's claims may be no JSON; the browser's cookie still holds)
        _log.error("session could not be prolonged", extra={"error": type(error).__name__})
    return ()


def _note_seen(known: CachedSession, now: float, options: Core) -> None:
    name = session_id(known.token) or ""
    options.last_seen_cache.set(name.encode(), now)
    known.touch_at = min(known.renew_at, now + issuer.LAST_SEEN_INTERVAL)
    if not name.startswith(JTI_PREFIX):
        options.session_store.touch(name, int(now), min_interval=issuer.LAST_SEEN_INTERVAL)


def decode_session(text: str, now: float, options: Core) -> tuple[Token, Verdict] | None:
    """The claims of a live session, which say when it ends (T10) and when the sign-in was; None for any other text.

    With them whether what they say of their user is out of date. Raises StoreError where any of it can't be told.
    """
    try:
        claims = options.strategy.decode(text)
    except TokenError:
        claims = {}
    signed_in_at = issuer.started_at(claims, now)
    if "exp" not in claims or signed_in_at + options.session_config.absolute_age <= now:
        _log.info("session not believed", extra={"event": "session-refused"})
        return None
    claims["auth_time"] = signed_in_at
    verdict = options.revocations.check(claims, signed_in_at)
    return None if verdict == "ended" else (claims, verdict)


def _read(text: str, names: tuple[str, ...], options: Core) -> SessionResult:
    digest = sha256(text.encode()).digest()
    now, version = options.clock(), options.revocations.refresh()
    known = options.session_cache.get(digest)
    if known is None or known.recheck_at <= now or not options.strategy.cacheable:
        return _open(text, names, digest, known, now, options)
    if known.expires <= now:
        return SessionResult(cookie_names=names, invalid=True)
    if known.revocation_version != version:
        if options.revocations.check(known.token, known.token["auth_time"]) is not None:
            return _open(text, names, digest, None, now, options)
        known.revocation_version = version
    return SessionResult(known, names, cookie_value=text)


def _open(
    text: str, names: tuple[str, ...], digest: bytes, known: CachedSession | None, now: float, options: Core
) -> SessionResult:
    version = options.revocations.version
    found = decode_session(text, now, options)
    if found is None:
        return SessionResult(cookie_names=names, invalid=True)
    claims, is_changed = found[0], found[1] == "changed"
    if known is not None and known.recheck_at > now and known.claims == claims and not is_changed:
        known.revocation_version = version
        return SessionResult(known, names, cookie_value=text)
    token = reload_user(claims, options) if is_changed else _asked(JWTParams(token=dict(claims)), claims, options)
    if token is None:
        return SessionResult(cookie_names=names, invalid=True)
    current = options.strategy.uses_current_key(text) and not is_changed
    known = issuer.build_session(token, claims, now, options, current=current)
    if known is None:
        # The session callback tells of nobody; the cookie stays, as in Auth.js.
        return SessionResult(cookie_names=names)
    # What is read in the second of a change may change once more in it, which moves no version.
    known.revocation_version = -1 if is_changed else version
    options.session_cache.set(digest, known, len(text))
    return SessionResult(known, names, cookie_value=text)


def reload_user(claims: Token, options: Core) -> Token | None:
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


def _asked(params: JWTParams, claims: Token, options: Core) -> Token | None:
    token = options.callbacks.jwt(params)
    return None if token is None else issuer.keep_reserved_claims(claims, token)
