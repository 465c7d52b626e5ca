"""What the development provider hands out and takes back: sealed, so that any worker can open it and none keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from genkan.crypto.sealer import CLOCK_TOLERANCE, Clock, Sealer
from genkan.errors import TokenError

UseOnce = Callable[[str, float], bool]
"""True the first time an id is seen, on any worker; the second argument is when it may be forgotten (epoch seconds)."""

TokenKind = Literal["request", "code", "access", "refresh", "end"]

LIFETIMES: Mapping[TokenKind, int] = {
    # How long somebody may look at a page before choosing.
    "request": 3600,
    "end": 3600,
    # RFC 6749 4.1.2 asks for ten minutes at most; a redirect and a call back take a second.
    "code": 60,
    "access": 3600,
    "refresh": 30 * 86400,
}
"""Seconds."""


class TokenIssuer:
    """Seals and opens, one key for each kind of thing, and knows what has been spent."""

    def __init__(self, secret: str, spend: UseOnce, clock: Clock) -> None:
        self._spend = spend
        self.clock = clock
        self._sealers = {kind: Sealer([secret], f"genkan.dev_provider.{kind}", clock) for kind in LIFETIMES}

    def seal(self, kind: TokenKind, claims: Mapping[str, Any]) -> str:
        """A token of this kind; it lives as long as LIFETIMES says."""
        return self._sealers[kind].seal(claims, LIFETIMES[kind])

    def open(self, kind: TokenKind, token: str) -> dict[str, Any] | None:
        """The claims, or None if this is no token of this kind, or too old."""
        try:
            return self._sealers[kind].open(token)
        except TokenError:
            return None

    def use_once(self, claims: Mapping[str, Any]) -> bool:
        """Use up an opened token: False if somebody already has. Raises StoreError when nobody can tell."""
        return self._spend(f"development {claims['jti']}", claims["exp"] + CLOCK_TOLERANCE)
