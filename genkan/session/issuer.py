"""Issue sessions: claims, record and cookie of a new, extended or updated session."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime

from genkan import strict_json
from genkan.adapters.sessions import SessionRecord, session_id
from genkan.callbacks import JWTParams, SessionParams
from genkan.crypto.sealer import CLOCK_TOLERANCE
from genkan.errors import AccessDenied
from genkan.http import cookies
from genkan.http.cookies import Cookie
from genkan.session.activity import ClientInfo
from genkan.session.sessions import CachedSession, Sessions
from genkan.types import ProviderIdentity, Session, SessionUser, Token, User, str_claim

CALLBACK_CACHE_SECONDS = 60
"""Seconds for which a worker reuses the result of the callbacks. Expiry and revocation are checked at every reading."""

LAST_SEEN_INTERVAL = 300
"""Seconds between two updates of a record's `last_seen`."""

MIN_EXTENSION = 60
"""Seconds. An extension that adds less to the stored expiry is not written to the database."""

SID_BYTES = 16
"""Random bytes of a session id."""

RESERVED_CLAIMS = ("sub", "iat", "exp", "session_start", "auth_time", "amr", "sid", "jti", "updated_at")
"""Claims that no callback can change: they decide whose session it is, how the user authenticated, and when and how it
ends."""


def keep_reserved_claims(claims: Token, token: Token) -> Token:
    """Return `token` with the reserved claims restored from `claims`."""
    return {
        **{name: value for name, value in token.items() if name not in RESERVED_CLAIMS},
        **{name: claims[name] for name in RESERVED_CLAIMS if name in claims},
    }


def first_token(identity: ProviderIdentity, user: User, is_new_user: bool, sessions: Sessions) -> Token:
    """Return the claims of a new session, after the jwt callback.

    Nothing of an earlier session is taken over. Raises AccessDenied if the callback returns None, and what it raises.
    """
    # The user was loaded just before, and the callback may take a while.
    updated_at = sessions.now() - 1
    user = sessions.callbacks.with_role(user)
    claims: Token = {"name": user.name, "email": user.email, "picture": user.image, "sub": user.id}
    if user.application_id is not None:
        claims["id"] = user.application_id
    if user.unverified_email is not None:
        claims["unverified_email"] = user.unverified_email
    token = sessions.callbacks.jwt(
        JWTParams(
            token=claims,
            user=user,
            account=identity.account,
            profile=identity.profile,
            is_new_user=is_new_user,
            trigger="signUp" if is_new_user else "signIn",
        )
    )
    if token is None:
        raise AccessDenied("jwt callback")
    return {
        **{name: value for name, value in token.items() if name != "amr"},
        "sub": user.id,
        **_start(user.id, sessions),
        "auth_time": identity.auth_time,
        **({"amr": list(identity.amr)} if identity.amr else {}),
        "updated_at": updated_at,
        "sid": secrets.token_urlsafe(SID_BYTES),
    }


def new_record(token: Token, identity: ProviderIdentity, client: ClientInfo, sessions: Sessions) -> SessionRecord:
    """Return the record of a new session with these claims. The account of the identity has its user's id."""
    now: int = token["iat"]
    return SessionRecord(
        id=token["sid"],
        user_id=identity.account.user_id or "",
        provider=identity.account.provider,
        provider_sid=identity.provider_sid,
        id_token=identity.id_token_hint,
        created=token["session_start"],
        last_seen=now,
        expires=now + sessions.config.max_age,
        absolute_expires=now + sessions.config.absolute_age,
        device=client.device,
        ip_address=client.ip_address,
    )


def create_session(
    token: Token,
    record: SessionRecord,
    cookie_names: tuple[str, ...],
    sessions: Sessions,
    *,
    replaces: str | None = None,
) -> tuple[tuple[Cookie, ...], list[SessionRecord]]:
    """Store the record of a new session and return its cookies, and the records that it has revoked.

    In the same transaction the session with the id `replaces` is revoked. `cookie_names` are the names of the session
    cookies that the browser sent. Raises AccessDenied if the user is disabled, AdapterError if the store fails, and what
    the session callback raises. Then nothing has changed.
    """
    limited = _limit_age(token, sessions)
    if limited is None:
        raise AccessDenied("expired")
    value, claims, token_hash = sessions.strategy.create(*limited)
    cached = build_session(claims, claims, sessions.clock(), sessions)
    stored_claims = claims if token_hash else None
    revoked = sessions.store.create(record, claims=stored_claims, token_hash=token_hash, replaces=replaces)
    if revoked is None:
        raise AccessDenied("disabled")
    sessions.user_checked.set(record.user_id, sessions.clock())
    return _cache_and_write(value, claims, cached, cookie_names, sessions), revoked


def replace_session(
    token: Token, cookie_names: tuple[str, ...], sessions: Sessions
) -> tuple[Token, tuple[Cookie, ...], list[SessionRecord]]:
    """Start a session with these claims and a new id in place of the one that they are of, whose cookie is worth
    nothing then.

    Returns its claims, its cookies, and the records that it has revoked. The caller has made sure that the user has
    authenticated recently, since its absolute lifetime begins now. Raises AccessDenied if the other one has no record, and
    like `create_session`.
    """
    old_id = session_id(token) or ""
    record = sessions.store.get(old_id)
    if record is None:
        raise AccessDenied("no record of the session")
    claims = {**token, "sid": secrets.token_urlsafe(SID_BYTES), **_start(token["sub"], sessions)}
    now = claims["iat"]
    renewed = replace(
        record,
        id=claims["sid"],
        created=claims["session_start"],
        last_seen=now,
        expires=now + sessions.config.max_age,
        absolute_expires=now + sessions.config.absolute_age,
    )
    return claims, *create_session(claims, renewed, cookie_names, sessions, replaces=old_id)


def update_session(
    token: Token, cookie_value: str, cookie_names: tuple[str, ...], sessions: Sessions
) -> tuple[CachedSession | None, tuple[Cookie, ...]]:
    """Re-issue the session in `cookie_value` with these claims, and return it with its cookies.

    It lives `max_age` from now, and never past the absolute limit. The session is None if the session callback returns
    None or the absolute limit has passed. Raises AdapterError, and what the session callback raises.
    """
    limited = _limit_age(_with_sid(token), sessions)
    if limited is None:
        return None, cookies.clear(cookie_names, secure=sessions.secure)
    value, claims = sessions.strategy.extend(cookie_value, *limited)
    cached = build_session(claims, claims, sessions.clock(), sessions)
    return cached, _cache_and_write(value, claims, cached, cookie_names, sessions)


def extend_session(
    token: Token, cookie_value: str, cookie_names: tuple[str, ...], sessions: Sessions, *, force_write: bool
) -> tuple[Cookie, ...]:
    """Re-issue the session cookie without calling the callbacks, and return the cookies.

    Of several concurrent requests one updates the database row, unless `force_write` is true. Raises AdapterError.
    """
    limited = _limit_age(_with_sid(token), sessions)
    if limited is None:
        return cookies.clear(cookie_names, secure=sessions.secure)
    # With an `update_age` of 0 every reading re-issues the cookie, but few of them write to the database.
    interval = sessions.config.update_age or sessions.config.max_age // 60
    min_interval = 0 if force_write else min(MIN_EXTENSION, interval)
    value, stamped = sessions.strategy.extend(cookie_value, *limited, min_interval=min_interval)
    return _write(value, stamped["exp"], cookie_names, sessions)


def build_session(
    token: Token, claims: Token, now: float, sessions: Sessions, *, reissue: bool = False
) -> CachedSession | None:
    """Build the session by calling the session callback. None if the callback returns None.

    `claims` is the token before the jwt callback. With `reissue` the session is due for re-issue at once. Raises what
    the callback raises, and TypeError if it returns anything but a Session or None.
    """
    issued_at = token.get("iat", 0)
    absolute_expires = absolute_expiry(token, now, sessions)
    default = default_session(token, float(min(token["exp"], absolute_expires)))
    session = sessions.callbacks.session(SessionParams(default, dict(token)))
    if session is None:
        return None
    if not isinstance(session, Session):
        raise TypeError("the session callback must return a Session or None")
    # A token from a clock that is ahead is re-issued now. Otherwise it would not be due for as long as that.
    is_ahead = issued_at > now + CLOCK_TOLERANCE
    renew_at = 0.0 if reissue or is_ahead else issued_at + sessions.config.update_age
    return CachedSession(
        session=session,
        token=token,
        claims=claims,
        body=strict_json.dumps(session.to_json()).encode(),
        # The tolerance is for the clock that set `exp`. The absolute limit is counted by our own clock.
        expires=float(min(token["exp"] + CLOCK_TOLERANCE, absolute_expires)),
        renew_at=renew_at,
        recheck_at=now + CALLBACK_CACHE_SECONDS,
        touch_at=min(renew_at, max(issued_at, _last_seen(token, sessions)) + LAST_SEEN_INTERVAL),
    )


def default_session(token: Token, expires: float) -> Session:
    """Return Auth.js's default session of a token: name, email and picture. `expires` is in seconds since 1970.

    On the server the user also has the claim `unverified_email`.
    """
    name, email, image = (str_claim(token, claim) for claim in ("name", "email", "picture"))
    user = SessionUser(name, email, image, unverified_email=str_claim(token, "unverified_email"))
    return Session(user, datetime.fromtimestamp(expires, UTC))


def started_at(token: Token) -> int:
    """Return when the session started, in seconds since 1970. 0 if that is unknown.

    A token of another application has no `session_start`. Its age counts from `auth_time` or `iat`.
    """
    start = token.get("session_start")
    if strict_json.is_number(start):
        return int(start)
    times = [time for time in (token.get("auth_time"), token.get("iat")) if strict_json.is_number(time)]
    return int(min(times, default=0))


def absolute_expiry(token: Token, now: float, sessions: Sessions) -> int:
    """Return the end of the session's absolute lifetime in seconds since 1970.

    It counts from the start, but not from after `iat` or `now`: a clock may have been ahead.
    """
    issued_at = token.get("iat")
    start = min(started_at(token) or now, issued_at if strict_json.is_number(issued_at) else now, now)
    return int(start) + sessions.config.absolute_age


def _cache_and_write(
    value: str, claims: Token, cached: CachedSession | None, cookie_names: tuple[str, ...], sessions: Sessions
) -> tuple[Cookie, ...]:
    if cached is not None:
        sessions.cache.set(value, cached, len(value))
    return _write(value, claims["exp"], cookie_names, sessions)


def _limit_age(token: Token, sessions: Sessions) -> tuple[Token, int] | None:
    """Return the claims and their lifetime in seconds. None if the absolute limit has passed."""
    now = sessions.clock()
    age = min(sessions.config.max_age, int(absolute_expiry(token, now, sessions) - now))
    # The claims about the user stay as old as they were.
    updated_at = min(token.get("iat", 0), int(now))
    claims = {"updated_at": updated_at, **token, "session_start": _corrected_start(token, now, sessions)}
    return (claims, age) if age > 0 else None


def _corrected_start(token: Token, now: float, sessions: Sessions) -> int:
    # A start in the future is from a clock that was ahead. It stays if a rule, with a time from that clock, would otherwise
    # revoke the session, which started after the rule.
    start = started_at(token) or int(now)
    is_revoked = sessions.revocations.last_rule(str_claim(token, "sub") or "") >= int(now)
    return start if is_revoked else min(start, int(now))


def _start(user_id: str, sessions: Sessions) -> Token:
    # Later than every rule that has revoked the user's sessions, also if both are in the same second.
    sessions.revocations.read_now()
    now = sessions.now()
    return {"iat": now, "session_start": max(now, sessions.revocations.last_rule(user_id) + 1)}


def _with_sid(token: Token) -> Token:
    # A re-issued token gets a new `jti`. The old one stays the id by which the session can be revoked.
    sid = session_id(token)
    return token if sid is None else {**token, "sid": sid}


def _last_seen(token: Token, sessions: Sessions) -> float:
    return sessions.last_seen.get(session_id(token) or "") or 0.0


def _write(value: str, expires: float, cookie_names: tuple[str, ...], sessions: Sessions) -> tuple[Cookie, ...]:
    return cookies.write_session(
        sessions.cookie_name, value, cookie_names=cookie_names, secure=sessions.secure, expires=expires
    )
