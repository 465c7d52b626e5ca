"""Compact tokens (JWE and JWS) as text: their form, header and claims. Nothing here uses a key or the JOSE library."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection
from typing import Any

from genkan import strict_json
from genkan.errors import TokenError

MAX_TOKEN_CHARACTERS = 65_536
"""Characters of a token that a client sends. A longer one is refused before it is decoded. Sixteen full cookie
chunks fit. Responses of a provider are limited by `genkan.oauth.transport.response.BODY_BYTES` only."""

CONTENT_ENCRYPTION = "A256CBC-HS512"
ACCEPTED_ENCRYPTIONS = frozenset({CONTENT_ENCRYPTION, "A256GCM"})

SIGNING_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "RS384", "RS512", "ES384", "ES512", "PS384", "PS512")
"""Asymmetric algorithms only, so that a public key can never be used as an HMAC secret (RFC 8725 section 3.1)."""

# Five segments, the second empty (direct key). Each must be canonical base64url: decoders ignore the unused bits of the
# last character, so the same token could be written in several ways with several hashes.
_SEGMENT = r"[\w-]+"
_COMPACT_JWE = re.compile(rf"({_SEGMENT})\.\.({_SEGMENT})\.({_SEGMENT})\.({_SEGMENT})", re.ASCII)
_CANONICAL_ENDINGS = {0: None, 2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}


def validate_compact(token: str) -> str:
    """Return the token if it has the form of a compact JWE with a direct key. Raises TokenError for any other text."""
    shape = _COMPACT_JWE.fullmatch(token)
    if shape is None or not all(_is_canonical(segment) for segment in shape.groups()):
        raise TokenError
    return token


def read_header(token: str) -> tuple[str, str | None]:
    """Return `enc` and `kid` of a compact JWE with `alg` `dir`, an allowed `enc`, and neither `zip` nor `crit`.

    Raises TokenError for any other header, before a key is used (RFC 8725 sections 3.1, 3.2 and 3.6). `kid` is None if
    the header has none.
    """
    header = parse_claims(decode_segment(validate_compact(token).partition(".")[0]))
    if header.get("alg") != "dir" or "zip" in header or "crit" in header:
        raise TokenError
    encryption, kid = header.get("enc"), header.get("kid")
    if not isinstance(encryption, str) or encryption not in ACCEPTED_ENCRYPTIONS or not isinstance(kid, str | None):
        raise TokenError
    return encryption, kid


def unverified_claims(token: str) -> dict[str, Any]:
    """Return the claims of a signed token without verifying it. Only for tokens that are trusted for another reason.

    Raises TokenError if the token is malformed.
    """
    if token.count(".") != 2:
        raise TokenError
    return parse_claims(decode_segment(token.split(".")[1]))


def header_type(token: str) -> object:
    """Return the `typ` of a token that `verify` has accepted. None if its header has none."""
    return parse_claims(decode_segment(token.partition(".")[0])).get("typ")


class NoMatchingKey(TokenError):
    """No known key verifies the token. The provider may have rotated its keys since they were fetched."""


def half_hash(text: str, algorithm: str) -> str:
    """Return the left half of the hash of `text`, base64url-encoded, as in `at_hash` (OpenID Connect Core section
    3.1.3.6).

    The hash is that of the signature algorithm. For EdDSA it is SHA-512, because the only supported curve is Ed25519.
    """
    hashes = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
    digest = hashes.get(algorithm[-3:], hashlib.sha512)(text.encode()).digest()
    return encode_segment(digest[: len(digest) // 2])


def parse_claims(data: bytes | None) -> dict[str, Any]:
    """Return the JSON object in a token's plaintext. Raises TokenError for any other content."""
    try:
        return strict_json.loads_object(data or b"")
    except ValueError as error:
        raise TokenError from error


def signed_header(token: str, algorithms: Collection[str]) -> tuple[dict[str, Any], str]:
    """Return the header and the algorithm of a signed token. Raises TokenError if the algorithm is none of these."""
    if token.count(".") != 2:
        raise TokenError
    header = parse_claims(decode_segment(token.partition(".")[0]))
    algorithm = header.get("alg")
    if algorithm not in SIGNING_ALGORITHMS or algorithm not in algorithms or "crit" in header:
        raise TokenError
    return header, str(algorithm)


def decode_segment(segment: str) -> bytes:
    """Return the bytes of a segment. Raises TokenError if it is not base64url."""
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError) as error:
        raise TokenError from error


def encode_segment(data: bytes) -> str:
    """Return these bytes in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _is_canonical(segment: str) -> bool:
    remainder = len(segment) % 4
    if remainder not in _CANONICAL_ENDINGS:
        return False
    allowed = _CANONICAL_ENDINGS[remainder]
    return allowed is None or segment[-1] in allowed
