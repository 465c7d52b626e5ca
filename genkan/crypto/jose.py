"""Keys, encryption (JWE) and signatures (JWS). This is the only module that uses the JOSE library.

The library takes a tenth of a second, so what every process imports must not import this module before it is needed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey, Key, OctKey, import_key

from genkan.crypto.compact import (
    ACCEPTED_ENCRYPTIONS,
    CONTENT_ENCRYPTION,
    NoMatchingKey,
    decode_segment,
    encode_segment,
    parse_claims,
    signed_header,
)
from genkan.errors import TokenError

_UNBOUNDED = sys.maxsize
"""Replaces the library's limits (64 kB of ciphertext, 512 bytes of header), which refuse large tokens of providers.
The length of a token is checked where it is received."""

_JWE = JWERegistry(algorithms=["dir", *sorted(ACCEPTED_ENCRYPTIONS)], strict_check_header=False)
_JWE.max_ciphertext_length = _UNBOUNDED

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 16_384
"""Size of the modulus (RFC 7518 section 3.3, RFC 8725 section 3.5). Above the maximum, verifying one signature would
block the worker."""

_MAX_EXPONENT_BITS = 64
"""Size of the public exponent. OpenSSL has the same limit for a long modulus."""

_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")

_CURVES = {"ES256": ("P-256",), "ES384": ("P-384",), "ES512": ("P-521",), "EdDSA": ("Ed25519",)}
"""Curve of each algorithm (RFC 7518 section 3.4, RFC 8037 section 3.1). An RSA key has none. Ed448 is not supported:
no known provider signs with it, and its `at_hash` uses another hash than Ed25519's under the same algorithm name."""


def hkdf(secret: str, *, salt: str, info: str, length: int) -> bytes:
    """Return `length` bytes derived from the secret with HKDF-SHA256 (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt.encode(), info=info.encode()).derive(secret.encode())


class SecretKey:
    """Symmetric key for JWE, with the thumbprint that tokens carry as `kid`."""

    __slots__ = ("_key", "header", "kid")

    def __init__(self, raw: bytes) -> None:
        self._key = OctKey.import_key(raw)
        self.kid = _thumbprint(raw)
        # Members in Auth.js's order, so that all tokens of this key start with the same segment.
        header = {"alg": "dir", "enc": CONTENT_ENCRYPTION, "kid": self.kid}
        self.header = encode_segment(json.dumps(header, separators=(",", ":")).encode()) + "."

    def seal(self, plaintext: bytes) -> str:
        """Return a compact JWE (`dir`, A256CBC-HS512) that starts with `header`."""
        header = {"alg": "dir", "enc": CONTENT_ENCRYPTION, "kid": self.kid}
        return jwe.encrypt_compact(header, plaintext, self._key, registry=_JWE)

    def open(self, token: str) -> bytes:
        """Return the plaintext of a token. Raises TokenError if it was not sealed with this key."""
        try:
            plaintext = jwe.decrypt_compact(token, self._key, registry=_JWE).plaintext
        except (JoseError, ValueError) as error:
            raise TokenError from error
        return plaintext or b""


def verify(token: str, keys: Iterable[Mapping[str, Any]], algorithms: Collection[str]) -> tuple[Mapping[str, Any], str]:
    """Verify a signed token with public JWKs and return its claims and algorithm.

    Keys that are invalid, too short or for another algorithm are skipped. Without a `kid` every key that fits is tried.
    The headers `jwk`, `jku` and `x5*` of the token are ignored, because its sender chose them.

    Raises NoMatchingKey if no key verifies the token, and TokenError if the token is malformed or its algorithm is not
    allowed.
    """
    header, algorithm = signed_header(token, algorithms)
    candidates = [key for jwk in keys if _is_for(jwk, header) and (key := _public_key(jwk)) is not None]
    if not candidates:
        raise NoMatchingKey
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = registry.max_signature_length = _UNBOUNDED
    for key in candidates:
        try:
            payload = jws.deserialize_compact(token, key, registry=registry).payload
        except (JoseError, ValueError, TypeError):
            continue
        return parse_claims(payload), algorithm
    raise NoMatchingKey


def ec_key_from_bytes(seed: bytes) -> ECKey:
    """Return the P-256 key that belongs to `seed`.

    The seed must have at least 48 bytes, so that the key is not biased.
    """
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    scalar = int.from_bytes(seed, "big") % (order - 1) + 1
    key = ECKey(ec.derive_private_key(scalar, ec.SECP256R1()), None, None)
    key.ensure_kid()
    return key


def public_jwks(key: ECKey) -> dict[str, Any]:
    """Return a JWK set with the public part of the key."""
    return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}


def _thumbprint(raw: bytes) -> str:
    # RFC 7638, with a hash as long as the key. Auth.js computes its `kid` in the same way.
    jwk = json.dumps({"k": encode_segment(raw), "kty": "oct"}, separators=(",", ":")).encode()
    return encode_segment((hashlib.sha512 if len(raw) == 64 else hashlib.sha256)(jwk).digest())


def _public_key(jwk: Mapping[str, Any]) -> Key | None:
    # Checked before the library reads the key, because it accepts secrets and short keys with only a warning. A key whose
    # private part is published proves nothing, and the library may need minutes to derive the rest of that part.
    if jwk.get("kty") not in ("RSA", "EC", "OKP") or "d" in jwk or (jwk["kty"] == "RSA" and not _has_allowed_size(jwk)):
        return None
    try:
        return import_key({name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk})
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _has_allowed_size(rsa: Mapping[str, Any]) -> bool:
    return MIN_RSA_BITS <= _bits(rsa.get("n")) <= MAX_RSA_BITS and _bits(rsa.get("e")) <= _MAX_EXPONENT_BITS


def _bits(number: object) -> int:
    try:
        return int.from_bytes(decode_segment(number), "big").bit_length() if isinstance(number, str) else 0
    except TokenError:
        return 0


def _is_for(jwk: Mapping[str, Any], header: Mapping[str, Any]) -> bool:
    if jwk.get("use") not in (None, "sig") or jwk.get("crv") not in _CURVES.get(header["alg"], (None,)):
        return False
    if jwk.get("alg") not in (None, header["alg"]):
        return False
    return "kid" not in header or jwk.get("kid") in (None, header["kid"])
