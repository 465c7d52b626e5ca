"""Hashes of passwords that Werkzeug has made, by `generate_password_hash`. They are verified, never made."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NamedTuple, Self

MAX_SCRYPT_BLOCKS, MAX_SCRYPT_LANES = 2**20, 4
"""Highest product of n and r, and highest p. Werkzeug's default is a product of 2**18, which takes 32 MiB, and 1."""
MAX_PBKDF2_ROUNDS = 2_000_000
"""Werkzeug's default is 1,000,000."""

_SCRYPT = re.compile(r"scrypt:([1-9]\d{0,7}):([1-9]\d{0,3}):([1-9]\d?)\$([^$]{1,64})\$([0-9a-f]{128})", re.ASCII)
_PBKDF2 = re.compile(r"pbkdf2:(sha1|sha256|sha512):([1-9]\d{0,7})\$([^$]{1,64})\$([0-9a-f]{40,128})", re.ASCII)


class WerkzeugHash(NamedTuple):
    """A hash with its salt and cost. `method` is `scrypt`, or the hash function that PBKDF2 uses."""

    method: str
    cost: tuple[int, ...]
    salt: bytes
    digest: bytes

    @classmethod
    def parse(cls, hash: str) -> Self | None:
        """Return the hash. None if it has another format or costs more than is accepted."""
        if match := _SCRYPT.fullmatch(hash):
            n, r, p = (int(cost) for cost in match.groups()[:3])
            if n < 2 or n & (n - 1) or n * r > MAX_SCRYPT_BLOCKS or p > MAX_SCRYPT_LANES:
                return None
            return cls("scrypt", (n, r, p), *_salt_and_digest(match[4], match[5]))
        match = _PBKDF2.fullmatch(hash)
        if match is None or int(match[2]) > MAX_PBKDF2_ROUNDS or len(match[4]) % 2:
            return None
        return cls(match[1], (int(match[2]),), *_salt_and_digest(match[3], match[4]))

    def verify(self, password: str) -> bool:
        """Return True if the hash is of this password, compared as it was typed."""
        return hmac.compare_digest(self._digest_of(password.encode()), self.digest)

    def _digest_of(self, password: bytes) -> bytes:
        if self.method != "scrypt":
            return hashlib.pbkdf2_hmac(self.method, password, self.salt, self.cost[0])
        n, r, p = self.cost
        return hashlib.scrypt(password, salt=self.salt, n=n, r=r, p=p, maxmem=132 * n * r * p)


def _salt_and_digest(salt: str, digest: str) -> tuple[bytes, bytes]:
    return salt.encode(), bytes.fromhex(digest)
