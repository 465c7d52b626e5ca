"""Keys and signatures for a provider that must also be able to sign what no library would."""

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
    """A private key under a key id."""

    kid: str
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def algorithm(self) -> Algorithm:
        """What it signs with."""
        return "RS256" if isinstance(self.private, rsa.RSAPrivateKey) else "ES256"

    def sign(self, data: bytes) -> bytes:
        """The signature as JWS wants it (RFC 7518 3.3, 3.4)."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def public_jwk(self) -> dict[str, Any]:
        """As it stands in a key set."""
        return {**self._public_numbers(), "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def _public_numbers(self) -> dict[str, Any]:
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return dict(ECKey.import_key(self.public_pem().decode()).as_dict(private=False))
        # By hand: the library does not like keys that are too short.
        numbers = self.private.public_key().public_numbers()
        n, e = (b64url(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
        return {"kty": "RSA", "n": n, "e": e}

    def public_pem(self) -> bytes:
        """As somebody would use it who confuses it with a shared secret."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, form)


@cache
def key(name: str, algorithm: Algorithm = "RS256", bits: int = 2048) -> SigningKey:
    """The key of that name, made once per process; `bits` is for RSA."""
    if algorithm == "RS256":
        return SigningKey(name, rsa.generate_private_key(public_exponent=65537, key_size=bits))
    return SigningKey(name, ec.generate_private_key(ec.SECP256R1()))


def compact(header: Mapping[str, object], payload: object, sign: Sign) -> str:
    """A JWS of exactly this header and payload. Lone surrogates in strings survive as escapes."""
    head, body = (b64url(json.dumps(part).encode()) for part in (header, payload))
    return f"{head}.{body}.{b64url(sign(f'{head}.{body}'.encode()))}"


def signed_with_secret(secret: bytes) -> Sign:
    """HS256."""
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


def at_hash(access_token: str) -> str:
    """The left half of the token's hash (OpenID Connect Core 3.1.3.6)."""
    return b64url(hashlib.sha256(access_token.encode()).digest()[:16])


def b64url(data: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
