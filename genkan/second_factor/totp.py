"""Codes of an authenticator app (RFC 6238): six digits, a new code every thirty seconds, HMAC-SHA1.

Authenticator apps ignore other numbers of digits and other hashes, so nothing of that is a setting.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b32decode, b32encode
from collections.abc import Sequence
from urllib.parse import quote

from genkan.crypto.sealer import TextSealer
from genkan.errors import TokenError

DIGITS, PERIOD = 6, 30
"""Digits of a code, and the seconds for which it is shown."""

WINDOW = 1
"""Time steps before and after the current one whose codes are accepted (RFC 6238 5.2), because clocks differ."""

SECRET_BYTES = 20
"""Length of a secret: that of a SHA-1 hash, as RFC 4226 recommends."""

MAX_LABEL = 100
"""Characters of a name in the URL. Each can be twelve there, and a QR code holds about 2300."""


def new_secret() -> str:
    """Return a random secret in base32, as apps read it: 32 letters and digits."""
    return b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """Return the code of a time step (RFC 4226 5.3)."""
    digest = hmac.digest(b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def find_step(secret: str, code: str, now: float) -> int | None:
    """Return the time step of this code, if it is the current one or one of its neighbours. None otherwise."""
    current, found = int(now) // PERIOD, None
    for step in range(max(current - WINDOW, 0), current + WINDOW + 1):
        if hmac.compare_digest(code_at(secret, step), code):
            found = step
    return found


def groups(secret: str) -> str:
    """Return the secret in groups of four characters, to be typed."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def uri(secret: str, *, issuer: str, account: str) -> str:
    """Return the `otpauth://` URL that authenticator apps open, as a link or as a QR code."""
    # The colon separates issuer and account, so neither may have one of its own.
    names = [quote(name[:MAX_LABEL].replace(":", " "), safe="@.") for name in (issuer, account)]
    return f"otpauth://totp/{names[0]}:{names[1]}?secret={secret}&issuer={names[0]}"


class SecretSealer:
    """Encrypts the secrets of users. The id of the user is part of it, so that a row is worth nothing to another user."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._sealer = TextSealer(secrets, "genkan.totp")

    def seal(self, user_id: str, secret: str) -> str:
        """Return the encrypted secret of this user."""
        return self._sealer.seal(f"{secret}:{user_id}")

    def open(self, user_id: str, sealed: str) -> str:
        """Return the secret of this user. Raises TokenError for one of another user, and for any other text."""
        secret, _, owner = self._sealer.open(sealed).partition(":")
        if owner != user_id:
            raise TokenError
        return secret
