"""Browsers in which a user is not asked for the second factor."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from uuid import uuid4

from genkan.adapters.second_factors import TrustedDevice
from genkan.crypto.sealer import Clock
from genkan.http.cookies import Cookie, RequestCookies, clear

LIFETIME = 30 * 24 * 3600
"""Seconds for which a browser is trusted."""

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class TrustedDevices:
    """Makes and reads the cookie of a trusted browser, which holds a random token. Only its hash is stored."""

    cookie_name: str
    secure: bool
    clock: Clock

    def create(self, device: str) -> tuple[TrustedDevice, Cookie]:
        """Return a new trusted browser on this device, and its cookie. A token that the browser has is never taken over."""
        token, now = secrets.token_urlsafe(_TOKEN_BYTES), int(self.clock())
        stored = TrustedDevice(
            id=str(uuid4()),
            token_hash=_hash(token),
            device=device,
            created=now,
            last_used=now,
            expires=now + LIFETIME,
        )
        cookie = Cookie(self.cookie_name, token, self.secure, max_age=LIFETIME, expires=self.clock() + LIFETIME)
        return stored, cookie

    def token_hash(self, cookies: RequestCookies) -> str | None:
        """Return the hash of the token in the cookie of a request. None if it has none."""
        token = cookies.get(self.cookie_name)
        return _hash(token) if token else None

    def clear(self, cookies: RequestCookies) -> tuple[Cookie, ...]:
        """Return the deletion of the cookie. Empty if the browser has none."""
        return () if cookies.get(self.cookie_name) is None else clear((self.cookie_name,), secure=self.secure)


def _hash(token: str) -> str:
    return hashlib.sha256(f"genkan.trusted:{token}".encode(errors="replace")).hexdigest()
