"""Making sessions: the text of a cookie for claims, and what the application says they mean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

from genkan import strict_json
from genkan.adapters.sessions import SessionRecord, session_id
from genkan.callbacks import SessionParams
from genkan.core import CachedSession, Core
from genkan.crypto.sealer import CLOCK_TOLERANCE
from genkan.http import cookies
from genkan.http.messages import Cookie
from genkan.types import Session, SessionUser, Token, str_claim

CALLBACK_CACHE_SECONDS = 60
"""Seconds for which a worker takes the callbacks' word for a token it has seen; its expiry, and whether it has been
ended, are checked at every reading."""

LAST_SEEN_INTERVAL = 300
"""Seconds between two notes that a session was seen; the first is the time when its token was made."""

MIN_EXTENSION = 60
"""Seconds by which a session has to live longer than is written down for that to be written down anew."""

_HELD = ("iat", "exp", "auth_time", "sid", "jti", "proven_at", "as_of")


def keep_reserved_claims(claims: Token, token: Token) -> Token:
    """`token` with the times and the name of `claims`: a callback can't lose, move or invent what they end by (S6)."""
    return {
        **{name: value for name, value in token.items() if name not in _HELD},
        **{name: claims[name] for name in _HELD if name in claims},
    }


def create_session(token: Token, record: SessionRecord, seen: tuple[str, ...], options: Core) -> tuple[Cookie, ...]:
    """The cookies of a new session for these claims, which is written down. Raises AccessDenied, StoreError."""

    def make(claims: Token, age: int) -> tuple[str, Token]:
        return options.strategy.create(claims, age, record)

    return _issue(token, make, seen, options)[1]


def update_session(
    token: Token, seen: tuple[str, ...], options: Core, *, text: str = ""
) -> tuple[CachedSession | None, tuple[Cookie, ...]]:
    """The session whose cookie said `text`, with these claims from now on, and its cookies.

    It lives `max_age` from now, never past the absolute limit, which is counted from `auth_time` (S6). The
    finished session is remembered, so that the next request with it need not open it. Raises StoreError.
    """
    return _issue(_named(token), lambda claims, age: options.strategy.extend(text, claims, age), seen, options)


def extend_session(
    token: Token, text: str, seen: tuple[str, ...], options: Core, *, with_news: bool
) -> tuple[Cookie, ...]:
    """The same without asking what it means. Of many at once one writes it down (S7), unless they are `with_news`."""
    claims = _aged(_named(token), options)
    if claims is None:
        return cookies.clear(seen, secure=options.secure)
    # Re-issued at every reading, it is still written down rarely: the record may end a sixtieth of its life early.
    interval = options.session_config.update_age or options.session_config.max_age // 60
    every = 0 if with_news else min(MIN_EXTENSION, interval)
    renewed, stamped = options.strategy.extend(text, *claims, min_interval=every)
    return _write(renewed, stamped["exp"], seen, options)


def build_session(token: Token, opened: Token, now: float, options: Core, *, current: bool) -> CachedSession | None:
    """What the application says these claims mean; None when its session callback tells of nobody."""
    issued = token.get("iat", 0)
    end = started_at(token, now) + options.session_config.absolute_age
    session = options.callbacks.session(
        SessionParams(default_session(token, float(min(token["exp"], end))), dict(token))
    )
    if session is None:
        return None
    if not isinstance(session, Session):
        raise TypeError("the session callback returns a Session or None")
    body = strict_json.dumps(session.to_json()).encode()
    # Made by a clock that is ahead, it would not be due for as long, and its age be counted from each reading (F12).
    is_ahead = issued > now + CLOCK_TOLERANCE
    renew_at = issued + options.session_config.update_age if current and not is_ahead else 0.0
    # The tolerance is for the clock of whoever minted the token; the absolute limit is counted by ours alone.
    until = float(min(token["exp"] + CLOCK_TOLERANCE, end))
    attend_at = min(renew_at, max(issued, _last_seen(token, options)) + LAST_SEEN_INTERVAL)
    return CachedSession(session, token, opened, body, until, renew_at, now + CALLBACK_CACHE_SECONDS, attend_at)


def default_session(token: Token, expires: float) -> Session:
    """What Auth.js makes of a token before the session callback has its say: name, email and picture."""
    name, email, image = (str_claim(token, claim) for claim in ("name", "email", "picture"))
    return Session(SessionUser(name, email, image), datetime.fromtimestamp(expires, UTC))


def started_at(token: Token, now: float) -> int:
    """When the sign-in was, in seconds since 1970: never in the future, never after the token was made.

    A token from a Next.js front end does not say; its age counts from when it was made. A time in the future would
    move the absolute limit, so it is not believed.
    """
    earliest = now
    for claimed in (token.get("auth_time"), token.get("iat")):
        if strict_json.is_number(claimed) and claimed < earliest:
            earliest = claimed
    return int(earliest)


def _issue(
    token: Token, make: Callable[[Token, int], tuple[str, Token]], seen: tuple[str, ...], options: Core
) -> tuple[CachedSession | None, tuple[Cookie, ...]]:
    claims = _aged(token, options)
    if claims is None:
        return None, cookies.clear(seen, secure=options.secure)
    text, stamped = make(*claims)
    known = build_session(stamped, stamped, options.clock(), options, current=True)
    if known is not None:
        options.session_cache.set(sha256(text.encode()).digest(), known, len(text))
    return known, _write(text, stamped["exp"], seen, options)


def _aged(token: Token, options: Core) -> tuple[Token, int] | None:
    """The claims, and for how many seconds: `max_age` or until the absolute limit; None if it is over (S6)."""
    now = options.clock()
    # What it says of its user stays as old as it was.
    claims = {"as_of": min(token.get("iat", 0), int(now)), **token, "auth_time": started_at(token, now)}
    age = min(options.session_config.max_age, int(claims["auth_time"] + options.session_config.absolute_age - now))
    return (claims, age) if age > 0 else None


def _named(token: Token) -> Token:
    # A token without a name gets a new `jti` with every re-issue; the old one stays what it can be ended by.
    name = session_id(token)
    return token if name is None else {**token, "sid": name}


def _last_seen(token: Token, options: Core) -> float:
    name = session_id(token) or ""
    return options.last_seen_cache.get(name.encode()) or 0.0


def _write(text: str, expires: float, seen: tuple[str, ...], options: Core) -> tuple[Cookie, ...]:
    return cookies.write_session(options.cookie_names.session, text, seen=seen, secure=options.secure, expires=expires)
