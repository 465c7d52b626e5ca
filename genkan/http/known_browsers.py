"""Browsers in which a user has signed in before, recognised by a cookie.

The cookie grants nothing: it only keeps the user from being locked out by strangers who guess the password or ask for
mails.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence

LIFETIME = 365 * 24 * 3600
"""Seconds for which the cookie is kept."""

_PURPOSE = b"genkan.known-browser"


class KnownBrowsers:
    """Values of the cookie: an HMAC of the user's id, with a key derived from each secret. The first secret is current."""

    lifetime = LIFETIME

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256) for secret in secrets]

    def create(self, user_id: str) -> str:
        """Return the value for this user."""
        return _value(self._keys[0], user_id)

    def verify(self, value: str | None, user_id: str) -> bool:
        """Return True if the value is for this user and was made with any of the secrets."""
        sent = (value or "").encode(errors="replace")
        return any(hmac.compare_digest(_value(key, user_id).encode(), sent) for key in self._keys)


def _value(key: bytes, user_id: str) -> str:
    return urlsafe_b64encode(hmac.digest(key, user_id.encode(), hashlib.sha256)).decode().rstrip("=")
