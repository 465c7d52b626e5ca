"""Keys and signatures of a provider, also for tokens that a library refuses to sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey

Algorithm = Literal["RS256", "ES256"]
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Private key with its kid."""

    kid: str
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def algorithm(self) -> Algorithm:
        """Return the signing algorithm."""
        return "RS256" if isinstance(self.private, rsa.RSAPrivateKey) else "ES256"

    def sign(self, data: bytes) -> bytes:
        """Return the signature in the format of JWS (RFC 7518 sections 3.3 and 3.4)."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def public_jwk(self) -> dict[str, Any]:
        """Return the public key for a key set."""
        return {**self._public_numbers(), "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def _public_numbers(self) -> dict[str, Any]:
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return dict(ECKey.import_key(self.public_pem().decode()).as_dict(private=False))
        # Not by the library, as it refuses short keys.
        numbers = self.private.public_key().public_numbers()
        n, e = (b64url(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
        return {"kty": "RSA", "n": n, "e": e}

    def public_pem(self) -> bytes:
        """Return the public key in PEM, as an algorithm confusion attack uses it as an HMAC secret."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, form)


@cache
def key(name: str, algorithm: Algorithm = "RS256", bits: int = 2048) -> SigningKey:
    """Return the key of this name, generated once per process. `bits` is the size of an RSA key."""
    if algorithm == "RS256":
        return SigningKey(name, rsa.generate_private_key(public_exponent=65537, key_size=bits))
    return SigningKey(name, ec.generate_private_key(ec.SECP256R1()))


def compact(header: Mapping[str, object], payload: object, sign: Sign) -> str:
    """Return a JWS of exactly this header and payload. Lone surrogates in strings are kept as escapes."""
    head, body = (b64url(json.dumps(part).encode()) for part in (header, payload))
    return f"{head}.{body}.{b64url(sign(f'{head}.{body}'.encode()))}"


def signed_with_secret(secret: bytes) -> Sign:
    """Return the function that signs by HS256 with this secret."""
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


def at_hash(access_token: str) -> str:
    """Return the at_hash of an access token (OpenID Connect Core section 3.1.3.6)."""
    return b64url(hashlib.sha256(access_token.encode()).digest()[:16])


def b64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
