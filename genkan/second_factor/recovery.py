"""Recovery codes, for users who have lost their authenticator app."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Sequence

COUNT = 10
"""Codes that a user gets at a time."""

FEW = 3
"""With fewer codes left, the user is asked to make new ones."""

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 characters that are not taken for one another: no I, O, 0 and 1."""

_LENGTH = 10
"""Characters of a code: 50 bits."""

_PURPOSE = b"genkan.recovery-codes"


def new_codes() -> tuple[str, ...]:
    """Return random codes, all different, written as XXXXX-XXXXX."""
    codes: dict[str, None] = {}
    while len(codes) < COUNT:
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        codes[f"{code[:5]}-{code[5:]}"] = None
    return tuple(codes)


def normalize(text: str) -> str | None:
    """Return a typed code without dashes and blanks, in upper case. None if it is no recovery code."""
    typed = unicodedata.normalize("NFKC", text[:64]).upper()
    code = "".join(character for character in typed if character.isalnum())
    return code if len(code) == _LENGTH and set(code) <= set(_ALPHABET) else None


class RecoveryCodes:
    """Hashes of recovery codes. Their key is derived from a secret, so that the table alone is worth nothing.

    The first of the secrets makes new hashes. Codes that were made with any of them are found.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256) for secret in secrets]

    def hash(self, user_id: str, code: str) -> str:
        """Return the hash of a new code of this user."""
        return self.hashes(user_id, code)[0]

    def hashes(self, user_id: str, code: str) -> list[str]:
        """Return the hashes that the code may have been stored with."""
        message = f"{normalize(code)}\0{user_id}".encode()
        return [hmac.digest(key, message, "sha256").hex() for key in self._keys]
