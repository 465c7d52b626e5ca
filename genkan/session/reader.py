"""Read sessions: from the cookies of a request to a SessionResult, and refresh them when that is due."""

from __future__ import annotations

import logging
from typing import NamedTuple

from genkan.adapters.sessions import JTI_PREFIX, session_id
from genkan.callbacks import JWTParams
from genkan.errors import AdapterError, AdapterUnavailable, TokenError, TokenExpired
from genkan.http import cookies
from genkan.http.cookies import Cookie, RequestCookies, SessionCookie
from genkan.session import issuer
from genkan.session.revocation_list import Verdict
from genkan.session.sessions import CachedSession, Sessions
from genkan.types import Session, Token, str_claim

USER_CHECK_INTERVAL = 60
"""Seconds. A session whose user was deleted without Genkan, as by SQL, ends after this time and that for which the result
of the callbacks is cached."""

_log = logging.getLogger("genkan.session")


class SessionResult(NamedTuple):
    """The result of reading the session of one request."""

    cached: CachedSession | None = None
    """The session with its claims. None if no user is signed in."""
    cookie_names: tuple[str, ...] = ()
    """The names of the session cookies that the browser sent. They may be another application's on the same host."""
    cookie_value: str = ""
    """The token in these cookies, as it was sent. Empty if this response has replaced it, so that it is not refreshed."""
    invalid: bool = False
    """True if the session has expired or was revoked, so that its cookies are deleted."""
    failed: bool = False
    """True if the session could not be read because of an error. The cookies stay."""
    further: tuple[SessionResult, ...] = ()
    """Results of further session cookies that hold a valid session, or could not be read. A sign-out ends them, too."""

    @property
    def session(self) -> Session | None:
        """The session. None if no user is signed in."""
        return self.cached.session if self.cached else None

    @property
    def token(self) -> Token:
        """The claims of the session. Empty if no user is signed in."""
        return self.cached.token if self.cached else {}

    @property
    def user_id(self) -> str | None:
        """The claim `sub`. None if no user is signed in."""
        return str_claim(self.token, "sub")


NO_SESSION = SessionResult()


def read(request_cookies: RequestCookies, sessions: Sessions) -> SessionResult:
    """Read the session of a request. Never raises: an error is logged and the result has `failed` set."""
    found = request_cookies.sessions(sessions.cookie_name)
    if len(found) == 1:
        return _read_cookie(found[0], sessions)
    return _choose([_read_cookie(cookie, sessions) for cookie in found]) if found else NO_SESSION


def find_cookie(request_cookies: RequestCookies, sessions: Sessions) -> SessionResult:
    """Return the names and the value of the session cookie that counts. The callbacks are called only if there are
    several."""
    found = request_cookies.sessions(sessions.cookie_name)
    if len(found) == 1:
        return SessionResult(cookie_names=found[0].names, cookie_value=found[0].token or "")
    return read(request_cookies, sessions)


def _read_cookie(cookie: SessionCookie, sessions: Sessions) -> SessionResult:
    if cookie.token is None:
        return SessionResult(cookie_names=cookie.names)
    try:
        return _read(cookie.token, cookie.names, sessions)
    except Exception as error:  # noqa: BLE001 (a callback of the application may raise anything)
        _log.error("session could not be read", extra={"error": type(error).__name__})
        return SessionResult(cookie_names=cookie.names, cookie_value=cookie.token, failed=True)


def _choose(results: list[SessionResult]) -> SessionResult:
    """Return the first result with a valid session. Without a session if there are several users.

    Browsers send several cookies of one name if their paths or domains differ. An attacker on a neighbouring host may have
    set one, so that the user acts as another one.
    """
    failed, valid = [result for result in results if result.failed], [result for result in results if result.cached]
    if len({result.user_id for result in valid}) > 1 and not failed:
        _log.warning("session cookies of several users", extra={"event": "session-ambiguous"})
        return SessionResult(cookie_names=results[0].cookie_names, further=tuple(valid))
    chosen, *further = [*failed, *valid] or sorted(results, key=lambda result: not result.invalid)[:1]
    return chosen._replace(further=tuple(further))


def read_or_raise(request_cookies: RequestCookies, sessions: Sessions) -> SessionResult:
    """Read the session of a request. Raises AdapterUnavailable if that failed."""
    result = read(request_cookies, sessions)
    if result.failed:
        raise AdapterUnavailable
    return result


def user_id_of(request_cookies: RequestCookies, sessions: Sessions) -> str | None:
    """Return the id of the signed-in user. None if no user is signed in. Raises AdapterUnavailable if reading failed."""
    return read_or_raise(request_cookies, sessions).user_id


def refresh(result: SessionResult, sessions: Sessions) -> tuple[Cookie, ...]:
    """Return the cookies to set for this result: a re-issued session, deletions of an invalid one, or none.

    The callbacks are not called again. Writes `last_seen` at most every `issuer.LAST_SEEN_INTERVAL` seconds. Never
    raises: an error is logged and the browser keeps its cookie.
    """
    if result.invalid:
        return cookies.clear(result.cookie_names, secure=sessions.secure)
    cached, now = result.cached, sessions.clock()
    if cached is None or not result.cookie_value or now < cached.touch_at:
        return ()
    try:
        if now >= cached.renew_at:
            return issuer.extend_session(
                cached.token,
                result.cookie_value,
                result.cookie_names,
                sessions,
                # 0: the claims about the user have changed, or the key is an old one.
                force_write=not cached.renew_at,
            )
        _write_last_seen(cached, now, sessions)
    except Exception as error:  # noqa: BLE001 (claims from a callback may not be JSON)
        _log.error("session could not be extended", extra={"error": type(error).__name__})
    return ()


def decode_session(cookie_value: str, now: float, sessions: Sessions) -> tuple[Token, Verdict] | None:
    """Decode a session cookie. Returns (claims, verdict), or None if it has expired or is revoked, or has no user.

    The verdict is "changed" if the stored user is newer than the claims. Raises TokenError if the cookie does not open,
    AdapterError if the store of the `database` strategy fails.
    """
    try:
        claims = sessions.strategy.decode(cookie_value)
    except TokenExpired:
        claims = {}
    if "exp" not in claims or issuer.absolute_expiry(claims, now, sessions) <= now:
        _log.info("session is invalid", extra={"event": "session-invalid"})
        return None
    if "session_start" not in claims:
        # Only tokens that we issued have both. In any other one `auth_time` and `amr` prove no authentication here.
        for claim in ("auth_time", "amr"):
            claims.pop(claim, None)
    started_at = issuer.started_at(claims)
    claims["session_start"] = started_at or int(now)
    verdict = sessions.revocations.check(claims, started_at)
    if verdict == "revoked" or not _has_user(claims, now, sessions):
        return None
    return claims, verdict


def reload_user(claims: Token, sessions: Sessions) -> Token | None:
    """Return the claims with the user's stored values. None if the user is disabled or the jwt callback returns None.

    A user without a row here, as one that a Next.js front end signed in, keeps the claims. Raises AdapterError, and what
    the callback raises.
    """
    claims = {**claims, "updated_at": sessions.now()}
    user = sessions.load_user(claims["sub"])
    if user is None:
        return _call_jwt(JWTParams(token=dict(claims)), claims, sessions)
    if user.disabled:
        return None
    user = sessions.callbacks.with_role(user)
    token = {**claims, "name": user.name, "email": user.email, "picture": user.image}
    if user.application_id is not None:
        token["id"] = user.application_id
    if user.email_verified is not None:
        token.pop("unverified_email", None)
    return _call_jwt(JWTParams(token=token, user=user, trigger="refresh"), claims, sessions)


def _read(cookie_value: str, names: tuple[str, ...], sessions: Sessions) -> SessionResult:
    # In this order: the refresh sets the clock.
    version, now = sessions.revocations.refresh(), sessions.clock()
    cached = sessions.cache.get(cookie_value)
    if cached is None or not _is_current(cached, now) or not sessions.strategy.cacheable:
        return _decode(cookie_value, names, cached, now, sessions)
    if cached.expires <= now:
        return SessionResult(cookie_names=names, invalid=True)
    if sessions.reloads_users and now >= cached.renew_at:
        return _decode(cookie_value, names, None, now, sessions)
    if cached.revocation_version != version:
        if sessions.revocations.check(cached.token, cached.token["session_start"]) is not None:
            return _decode(cookie_value, names, None, now, sessions)
        cached.revocation_version = version
    return SessionResult(cached, names, cookie_value)


def _decode(
    cookie_value: str,
    names: tuple[str, ...],
    cached: CachedSession | None,
    now: float,
    sessions: Sessions,
) -> SessionResult:
    version = sessions.revocations.version
    try:
        decoded = decode_session(cookie_value, now, sessions)
    except TokenError:
        # It may be another application's on the same host, so only a sign-in and a sign-out replace it.
        _log.debug("session cookie does not open", extra={"event": "session-unknown"})
        return SessionResult(cookie_names=names)
    if decoded is None:
        return SessionResult(cookie_names=names, invalid=True)
    claims, is_changed = decoded[0], decoded[1] == "changed" or _is_reloaded(decoded[0], now, sessions)
    if cached is not None and _is_current(cached, now) and cached.claims == claims and not is_changed:
        cached.revocation_version = version
        return SessionResult(cached, names, cookie_value)
    token = reload_user(claims, sessions) if is_changed else _call_jwt(JWTParams(dict(claims)), claims, sessions)
    if token is None:
        # The callback may accept the token again later, so a sign-in or a sign-out in this browser still revokes it.
        return SessionResult(cookie_names=names, cookie_value=cookie_value, invalid=True)
    reissue = is_changed or not sessions.strategy.uses_current_key(cookie_value)
    cached = issuer.build_session(token, claims, now, sessions, reissue=reissue)
    if cached is None:
        # The session callback returned None. The cookie stays, as in Auth.js.
        return SessionResult(cookie_names=names, cookie_value=cookie_value)
    # A second change within the same second has the same time, so a changed session is checked again.
    cached.revocation_version = -1 if is_changed else version
    sessions.cache.set(cookie_value, cached, len(cookie_value))
    return SessionResult(cached, names, cookie_value)


def _is_reloaded(claims: Token, now: float, sessions: Sessions) -> bool:
    """Return True if the session is due for re-issue, and the application decides on the claims then."""
    return sessions.reloads_users and now >= claims.get("iat", 0) + sessions.config.update_age


def _has_user(claims: Token, now: float, sessions: Sessions) -> bool:
    """Return False if the user of the session was disabled, or was deleted and the session began here.

    Asks the store at most every USER_CHECK_INTERVAL seconds for each user. Its failure ends no session.
    """
    if not sessions.requires_user:
        return True
    subject = str_claim(claims, "sub") or ""
    checked_at = sessions.user_checked.get(subject)
    if (checked_at is not None and 0 <= now - checked_at < USER_CHECK_INTERVAL) or sessions.revocations.is_failing:
        return True
    try:
        user = sessions.load_user(subject)
    except AdapterError:
        user = None
    else:
        if user.disabled if user is not None else _began_here(claims):
            return False
    sessions.user_checked.set(subject, now)
    return True


def _began_here(claims: Token) -> bool:
    # Only tokens that we issued have `auth_time`, if only None. Next.js may sign in users who are stored elsewhere, and have
    # a `sid` of its own.
    sid = claims.get("sid")
    return isinstance(sid, str) and not sid.startswith(JTI_PREFIX) and "auth_time" in claims


def _is_current(cached: CachedSession, now: float) -> bool:
    # A later time was set by a clock that was ahead.
    return now < cached.recheck_at <= now + issuer.CALLBACK_CACHE_SECONDS


def _call_jwt(params: JWTParams, claims: Token, sessions: Sessions) -> Token | None:
    token = sessions.callbacks.jwt(params)
    return None if token is None else issuer.keep_reserved_claims(claims, token)


def _write_last_seen(cached: CachedSession, now: float, sessions: Sessions) -> None:
    sid = session_id(cached.token) or ""
    sessions.last_seen.set(sid, now)
    cached.touch_at = min(cached.renew_at, now + issuer.LAST_SEEN_INTERVAL)
    if not sid.startswith(JTI_PREFIX):
        sessions.store.touch(sid, int(now), min_interval=issuer.LAST_SEEN_INTERVAL)
