"""Cross-site request forgery: Auth.js's double submit behind a look at who is asking (C1, C2)."""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genkan.errors import CrossOriginRequest, MissingCSRF
from genkan.http.urls import origin_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

TOKEN_BYTES = 32


class CSRFPair(NamedTuple):
    """The token for forms, and the cookie value that vouches for it."""

    token: str
    cookie: str

    def mask(self) -> str:
        """The token under a key of the moment, for pages: their compressed size tells nothing of it (BREACH)."""
        key = random.token_bytes(TOKEN_BYTES)
        return key.hex() + _xor(key, bytes.fromhex(self.token)).hex()


class CSRF:
    """Makes and checks the pairs of one house.

    A pair is not bound to a session, so that it works before there is one; what keeps a planted pair from working
    is the `__Host-` cookie on https and the origin check on every request.
    """

    def __init__(self, secrets: Sequence[str], origin: str) -> None:
        # A list of secrets enters the hash joined by commas, because that is what JavaScript made of it.
        self._secret = ",".join(secrets).encode()
        self._origin = origin

    def create(self) -> CSRFPair:
        """A new pair."""
        token = random.token_hex(TOKEN_BYTES)
        return CSRFPair(token, f"{token}|{self._hash(token)}")

    def load(self, cookie: str | None) -> CSRFPair | None:
        """The pair a browser holds, or None when its cookie is absent, altered, or of an older secret (P2)."""
        token, _, given = (cookie or "").partition("|")
        if not token.isascii() or not given.isascii() or not hmac.compare_digest(given, self._hash(token)):
            return None
        return CSRFPair(token, cookie or "")

    def check(self, cookie: str | None, submitted: object) -> None:
        """MissingCSRF unless `submitted` is the token of the browser's own pair."""
        pair = self.load(cookie)
        if pair is None or not isinstance(submitted, str) or not submitted.isascii():
            raise MissingCSRF
        if not hmac.compare_digest(_unmask(submitted), pair.token):
            raise MissingCSRF

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """CrossSite when the browser says that another site, or a sibling of ours, made it send this.

        Clients that are no browsers send neither header and are held by the token alone.
        """
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise CrossOriginRequest
        origin = headers.get("origin")
        if origin is not None and origin_of(origin) != self._origin:
            raise CrossOriginRequest

    def hmac_id(self, text: str) -> str:
        """A short word for `text` that tells nothing of it: 16 hexadecimal characters."""
        return hmac.digest(self._secret, text.encode(), "sha256").hex()[:16]

    def _hash(self, token: str) -> str:
        return hashlib.sha256(token.encode() + self._secret).hexdigest()


def _unmask(submitted: str) -> str:
    if len(submitted) != 4 * TOKEN_BYTES:
        return submitted
    try:
        both = bytes.fromhex(submitted)
    except ValueError:
        return submitted
    # Shorter where spaces stood among the digits.
    return _xor(both[:TOKEN_BYTES], both[TOKEN_BYTES:]).hex() if len(both) == 2 * TOKEN_BYTES else submitted


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(TOKEN_BYTES, "big")
