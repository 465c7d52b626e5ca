"""How a cookie stands for a session: sealed in it, or kept in the database under its hash. Nobody above can tell which."""

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
"""Of chance in an opaque token (S2 asks for 16)."""


class Strategy(Protocol):
    """Text in a cookie, and the claims it stands for. `iat` and `exp` are stamped here, in whole seconds."""

    @property
    def cacheable(self) -> bool:
        """What a text stood for once it stands for until it expires, so that it need not be looked up again."""
        ...

    def decode(self, text: str) -> Token:
        """The claims. Raises TokenError for a text that is none of ours, StoreError where that can't be told."""
        ...

    def create(self, claims: Token, age: int, record: SessionRecord) -> tuple[str, Token]:
        """The text for a new session that lives `age` seconds, and its stamped claims; the record is kept.

        Raises AccessDenied for a user who may not come in, StoreError.
        """
        ...

    def extend(self, text: str, claims: Token, age: int, *, min_interval: int = 0) -> tuple[str, Token]:
        """The text for a session that goes on with these claims for `age` seconds more, and its stamped claims.

        Where only the time is new, it is written down if that makes it live `every` seconds longer or more.
        """
        ...

    def uses_current_key(self, text: str) -> bool:
        """It need not be re-issued because the secret is an old one (P2)."""
        ...


@dataclass(frozen=True, slots=True)
class JWTStrategy:
    """Auth.js's `jwt` strategy: the claims travel in the cookie, sealed; the database only hears of them."""

    sealer: Sealer
    store: SessionStore
    clock: Clock
    cacheable: bool = True

    def decode(self, text: str) -> Token:
        """See Strategy."""
        return self.sealer.open(text)

    def create(self, claims: Token, age: int, record: SessionRecord) -> tuple[str, Token]:
        """See Strategy."""
        if not self.store.create(record):
            raise AccessDenied("disabled")
        return self.sealer.seal(claims, age), _stamped(claims, self.clock(), age)

    def extend(self, text: str, claims: Token, age: int, *, min_interval: int = 0) -> tuple[str, Token]:
        """See Strategy."""
        stamped, sid = _stamped(claims, self.clock(), age), claims.get("sid")
        if isinstance(sid, str) and not sid.startswith(JTI_PREFIX):
            self.store.touch(sid, stamped["iat"], min_interval=min_interval, expires=stamped["exp"])
        return self.sealer.seal(claims, age), stamped

    def uses_current_key(self, text: str) -> bool:
        """See Strategy."""
        return self.sealer.uses_current_key(text)


@dataclass(frozen=True, slots=True)
class DatabaseStrategy:
    """Auth.js's `database` strategy: the cookie is chance alone, kept as its SHA-256 (S2); one look-up a request."""

    store: SessionStore
    clock: Clock
    cacheable: bool = False

    def decode(self, text: str) -> Token:
        """See Strategy."""
        claims = self.store.get_claims(_hash(text), int(self.clock()))
        if claims is None:
            raise TokenError
        return claims

    def create(self, claims: Token, age: int, record: SessionRecord) -> tuple[str, Token]:
        """See Strategy."""
        text, stamped = secrets.token_urlsafe(TOKEN_BYTES), _stamped(claims, self.clock(), age)
        if not self.store.create(record, claims=stamped, token_hash=_hash(text)):
            raise AccessDenied("disabled")
        return text, stamped

    def extend(self, text: str, claims: Token, age: int, *, min_interval: int = 0) -> tuple[str, Token]:
        """See Strategy."""
        stamped = _stamped(claims, self.clock(), age)
        self.store.update(claims["sid"], stamped, stamped["exp"], stamped["iat"], min_interval=min_interval)
        return text, stamped

    def uses_current_key(self, text: str) -> bool:
        """See Strategy."""
        return True


def _stamped(claims: Token, now: float, age: int) -> Token:
    return {**claims, "iat": int(now), "exp": int(now) + age}


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
