"""Session strategies: the cookie holds the encrypted session, or a random token for a session in the database."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple, Protocol

from genkan.adapters.sessions import JTI_PREFIX, SessionStore
from genkan.cache.bounded import BoundedCache
from genkan.crypto.sealer import Clock, Sealer
from genkan.errors import TokenError, TokenExpired
from genkan.types import Token

TOKEN_BYTES = 32
"""Random bytes of an opaque token."""

MAX_EXTENDED = 20_000
"""Number of sessions of which each worker remembers when it last extended the record."""

_OPAQUE = re.compile(r"[\w-]{43}", re.ASCII)
"""Form of an opaque token."""


class NewSession(NamedTuple):
    """The cookie value of a new session, and what is stored with its record."""

    cookie_value: str
    claims: Token
    """The claims with `iat` and `exp`."""
    token_hash: str | None = None
    """SHA-256 of the cookie value if the claims are stored, else None."""


class Strategy(Protocol):
    """Encodes claims as the value of a cookie and decodes them. Sets `iat` and `exp` in whole seconds."""

    @property
    def cacheable(self) -> bool:
        """True if a decoded cookie may be cached until it expires."""
        ...

    def decode(self, cookie_value: str) -> Token:
        """Return the claims. Raises TokenError for an invalid value, AdapterError if the store fails."""
        ...

    def create(self, claims: Token, max_age: int) -> NewSession:
        """Return a new session that lives `max_age` seconds. It is valid when its record is stored."""
        ...

    def extend(self, cookie_value: str, claims: Token, max_age: int, *, min_interval: int = 0) -> tuple[str, Token]:
        """Extend a session to `max_age` seconds from now, with these claims.

        Returns (cookie value, claims with `iat` and `exp`). The record is only written if that adds `min_interval`
        seconds or more to its expiry. Raises AdapterError.
        """
        ...

    def uses_current_key(self, cookie_value: str) -> bool:
        """Return False if the value is encrypted with an old secret, so that it must be re-issued."""
        ...


@dataclass(frozen=True, slots=True)
class JWTStrategy:
    """Auth.js's `jwt` strategy: the claims are in the cookie, encrypted. The database has a record of the session."""

    sealer: Sealer
    store: SessionStore
    clock: Clock
    cacheable: bool = True
    extended: BoundedCache[int] = field(default_factory=lambda: BoundedCache(MAX_EXTENDED))
    """The expiry up to which this worker has last asked the store to extend a record, by session id."""

    def decode(self, cookie_value: str) -> Token:
        """Decrypt the claims."""
        return self.sealer.open(cookie_value)

    def create(self, claims: Token, max_age: int) -> NewSession:
        """Encrypt the claims."""
        return NewSession(self.sealer.seal(claims, max_age), _with_times(claims, self.clock(), max_age))

    def extend(self, cookie_value: str, claims: Token, max_age: int, *, min_interval: int = 0) -> tuple[str, Token]:
        """Update the record's expiry and encrypt the claims."""
        stamped, sid = _with_times(claims, self.clock(), max_age), claims.get("sid")
        if isinstance(sid, str) and not sid.startswith(JTI_PREFIX):
            self._extend_record(sid, stamped["iat"], stamped["exp"], min_interval)
        return self.sealer.seal(claims, max_age), stamped

    def _extend_record(self, sid: str, now: int, expires: int, min_interval: int) -> None:
        # Every reading may extend the session. The record is for the list of sessions, so it may expire up to twice
        # `min_interval` before the cookie, and the store is asked once in that time.
        asked = self.extended.get(sid)
        if asked is not None and 0 <= expires - asked < min_interval:
            return
        self.store.touch(sid, now, min_interval=min_interval, expires=expires)
        self.extended.set(sid, expires)

    def uses_current_key(self, cookie_value: str) -> bool:
        """Return True if the value is encrypted with the first secret."""
        return self.sealer.uses_current_key(cookie_value)


@dataclass(frozen=True, slots=True)
class DatabaseStrategy:
    """Auth.js's `database` strategy: the cookie is a random token, stored as its SHA-256. One query for each request."""

    store: SessionStore
    clock: Clock
    cacheable: bool = False

    def decode(self, cookie_value: str) -> Token:
        """Load the claims."""
        claims = self.store.get_claims(_hash(cookie_value), int(self.clock()))
        if claims is None:
            # A cookie of another form is another application's. One of this form can't be told from a session that ended.
            raise TokenExpired if _OPAQUE.fullmatch(cookie_value) else TokenError
        return claims

    def create(self, claims: Token, max_age: int) -> NewSession:
        """Make a new token."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        return NewSession(token, _with_times(claims, self.clock(), max_age), _hash(token))

    def extend(self, cookie_value: str, claims: Token, max_age: int, *, min_interval: int = 0) -> tuple[str, Token]:
        """Update the stored claims. The token stays the same."""
        stamped = _with_times(claims, self.clock(), max_age)
        self.store.update(claims["sid"], stamped, stamped["exp"], stamped["iat"], min_interval=min_interval)
        return cookie_value, stamped

    def uses_current_key(self, cookie_value: str) -> bool:
        """Return True: the token is not encrypted."""
        return True


def _with_times(claims: Token, now: float, max_age: int) -> Token:
    return {**claims, "iat": int(now), "exp": int(now) + max_age}


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
