"""Encrypted codes, tokens and form values of the development provider. Every worker can open them without storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from genkan.crypto.sealer import CLOCK_TOLERANCE, Clock, Sealer
from genkan.errors import TokenError

UseOnce = Callable[[str, float], bool]
"""Function that returns True for the first use of an id on any worker. The second argument is its expiry (Unix time)."""

TokenKind = Literal["request", "code", "access", "refresh", "end"]

LIFETIMES: Mapping[TokenKind, int] = {
    # Time that the user has to submit the page.
    "request": 3600,
    "end": 3600,
    # RFC 6749, section 4.1.2 allows ten minutes at most. A redirect and a token request take about a second.
    "code": 60,
    "access": 3600,
    "refresh": 30 * 86400,
}
"""Lifetimes in seconds."""


class TokenIssuer:
    """Issuer of encrypted tokens, with one key for each kind. It also marks tokens as used."""

    def __init__(self, secret: str, use_once: UseOnce, clock: Clock) -> None:
        self._use_once = use_once
        self.clock = clock
        self._sealers = {kind: Sealer([secret], f"genkan.dev_provider.{kind}", clock) for kind in LIFETIMES}

    def seal(self, kind: TokenKind, claims: Mapping[str, Any]) -> str:
        """Return an encrypted token of this kind. It expires after LIFETIMES[kind]."""
        return self._sealers[kind].seal(claims, LIFETIMES[kind])

    def open(self, kind: TokenKind, token: str) -> dict[str, Any] | None:
        """Return the claims, or None if the token is invalid, expired or of another kind."""
        try:
            return self._sealers[kind].open(token)
        except TokenError:
            return None

    def use_once(self, claims: Mapping[str, Any]) -> bool:
        """Mark a decoded token as used. Returns False if it was used before. Raises AdapterError."""
        return self._use_once(f"development {claims['jti']}", claims["exp"] + CLOCK_TOLERANCE)
