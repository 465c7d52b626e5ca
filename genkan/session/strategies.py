"""Session strategies: the cookie holds the encrypted session, or a random token for a session in the database."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from genkan.adapters.sessions import JTI_PREFIX, SessionRecord, SessionStore
from genkan.crypto.sealer import Clock, Sealer
from genkan.errors import AccessDenied, TokenError
from genkan.types import Token

TOKEN_BYTES = 32
"""Random bytes of an opaque token."""


class Strategy(Protocol):
    """Encodes claims as the value of a cookie and decodes them. Sets `iat` and `exp` in whole seconds."""

    @property
    def cacheable(self) -> bool:
        """True if a decoded cookie may be cached until it expires."""
        ...

    def decode(self, cookie_value: str) -> Token:
        """Return the claims. Raises TokenError for an invalid value, AdapterError if the store fails."""
        ...

    def create(self, claims: Token, max_age: int, record: SessionRecord) -> tuple[str, Token]:
        """Store a new session that lives `max_age` seconds. Returns (cookie value, claims with `iat` and `exp`).

        Raises AccessDenied if the user is disabled, AdapterError.
        """
        ...

    def extend(self, cookie_value: str, claims: Token, max_age: int, *, min_interval: int = 0) -> tuple[str, Token]:
        """Extend a session to `max_age` seconds from now, with these claims. Returns like `create`.

        The record is only written if that adds `min_interval` seconds or more to its expiry. Raises AdapterError.
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

    def decode(self, cookie_value: str) -> Token:
        """Decrypt the claims."""
        return self.sealer.open(cookie_value)

    def create(self, claims: Token, max_age: int, record: SessionRecord) -> tuple[str, Token]:
        """Store the record and encrypt the claims."""
        if not self.store.create(record):
            raise AccessDenied("disabled")
        return self.sealer.seal(claims, max_age), _with_times(claims, self.clock(), max_age)

    def extend(self, cookie_value: str, claims: Token, max_age: int, *, min_interval: int = 0) -> tuple[str, Token]:
        """Update the record's expiry and encrypt the claims."""
        stamped, sid = _with_times(claims, self.clock(), max_age), claims.get("sid")
        if isinstance(sid, str) and not sid.startswith(JTI_PREFIX):
            self.store.touch(sid, stamped["iat"], min_interval=min_interval, expires=stamped["exp"])
        return self.sealer.seal(claims, max_age), stamped

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
            raise TokenError
        return claims

    def create(self, claims: Token, max_age: int, record: SessionRecord) -> tuple[str, Token]:
        """Store record and claims under a new token."""
        token, stamped = secrets.token_urlsafe(TOKEN_BYTES), _with_times(claims, self.clock(), max_age)
        if not self.store.create(record, claims=stamped, token_hash=_hash(token)):
            raise AccessDenied("disabled")
        return token, stamped

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
