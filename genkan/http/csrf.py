"""Protection against cross-site request forgery: Auth.js's double submit, after a check of where the request comes from."""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genkan.errors import CrossOriginRequest, MissingCSRF, UnreadableCookies
from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest
from genkan.http.urls import origin_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing and need no token (RFC 9110 9.2.1)."""

TOKEN_BYTES = 32


class CSRFPair(NamedTuple):
    """The token for forms, and the value of the cookie that proves it."""

    token: str
    cookie: str

    def mask(self) -> str:
        """Return the token XORed with a random key, so that the size of a compressed page reveals nothing (BREACH)."""
        key = random.token_bytes(TOKEN_BYTES)
        return key.hex() + _xor(key, bytes.fromhex(self.token)).hex()


class CSRF:
    """Creates and verifies CSRF tokens.

    A pair is not bound to a session, so that forms work before a sign-in. The `__Host-` prefix of the cookie on https
    and the origin check keep another site from planting a pair of its own.
    """

    def __init__(
        self, secrets: Sequence[str], origin: str, cookie_name: str, further_origins: Sequence[str] = ()
    ) -> None:
        """Derive the key from `secrets`. `origin` is the application's origin. `cookie_name` is the name of the CSRF
        cookie.

        `further_origins` may cause requests, too.
        """
        # Auth.js hashes a list of secrets as JavaScript prints it: joined by commas.
        self._secret = ",".join(secrets).encode()
        self._origin = origin
        self._cookie_name = cookie_name
        self._further_origins = tuple(further_origins)

    def create(self) -> CSRFPair:
        """Return a new pair."""
        token = random.token_hex(TOKEN_BYTES)
        return CSRFPair(token, f"{token}|{self._hash(token)}")

    def cookie(self, pair: CSRFPair) -> Cookie:
        """Return the cookie of this pair."""
        return Cookie(self._cookie_name, pair.cookie, secure=self._origin.startswith("https:"))

    def load(self, cookie: str | None) -> CSRFPair | None:
        """Return the pair in a cookie's value. None if it is absent, altered, or made under an older secret."""
        token, _, signature = (cookie or "").partition("|")
        if not token.isascii() or not signature.isascii() or not hmac.compare_digest(signature, self._hash(token)):
            return None
        return CSRFPair(token, cookie or "")

    def verify(self, request: ActionRequest) -> None:
        """Check that our own page sent this request.

        Raises CrossOriginRequest if the browser names another site, MissingCSRF if the token is absent or wrong, and
        UnreadableCookies if there is no cookie to compare it with.
        """
        self.check_origin(request.headers)
        if request.cookies.is_unreadable:
            raise UnreadableCookies
        self.check(request.cookies.get(self._cookie_name), request.csrf_token)

    def check(self, cookie: str | None, submitted: object) -> None:
        """Raise MissingCSRF unless `submitted` is the token of the cookie's pair, masked or not."""
        pair = self.load(cookie)
        if pair is None or not isinstance(submitted, str) or not submitted.isascii():
            raise MissingCSRF
        if not hmac.compare_digest(_unmask(submitted), pair.token):
            raise MissingCSRF

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Raise CrossOriginRequest if the browser says that another origin caused the request.

        Clients other than browsers send neither header: the token alone is checked. `Origin: null` is what browsers send
        from a page whose Referrer-Policy is `no-referrer`, which a proxy may have set. `Sec-Fetch-Site` decides then.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and origin_of(origin) in self._further_origins:
            return
        if site in ("cross-site", "same-site"):
            raise CrossOriginRequest
        if origin == "null" and site in ("same-origin", "none"):
            return
        if origin is not None and origin_of(origin) != self._origin:
            raise CrossOriginRequest

    def require_own_origin(self, headers: Mapping[str, str]) -> None:
        """Raise CrossOriginRequest unless the browser says that a page of ours caused the request. No token is needed."""
        self.check_origin(headers)
        if "origin" not in headers and headers.get("sec-fetch-site") != "same-origin":
            raise CrossOriginRequest

    def hmac_id(self, text: str) -> str:
        """Return 16 hexadecimal characters that identify `text` and reveal nothing of it."""
        return hmac.digest(self._secret, text.encode(), "sha256").hex()[:16]

    def _hash(self, token: str) -> str:
        return hashlib.sha256(token.encode() + self._secret).hexdigest()


def _unmask(submitted: str) -> str:
    if len(submitted) != 4 * TOKEN_BYTES:
        return submitted
    try:
        masked = bytes.fromhex(submitted)
    except ValueError:
        return submitted
    # `fromhex` skips spaces, so the result may be shorter.
    if len(masked) != 2 * TOKEN_BYTES:
        return submitted
    return _xor(masked[:TOKEN_BYTES], masked[TOKEN_BYTES:]).hex()


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(TOKEN_BYTES, "big")
