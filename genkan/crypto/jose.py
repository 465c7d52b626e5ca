"""The only room that knows the JOSE library: keys, sealed boxes (JWE) and signatures (JWS), as plain functions."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
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

from genkan import strict_json
from genkan.errors import TokenError

MAX_TOKEN_CHARACTERS = 65_536
"""Of a token that a browser or another sender brings to us; a longer one is refused before any decoding (T7). Sixteen
full cookie chunks fit. What a provider answers is bounded by `genkan.oauth.transport.response.BODY_BYTES` alone."""

_UNBOUNDED = sys.maxsize
"""The library's own limits (64 kB of ciphertext, 512 bytes of header) would refuse large tokens of providers. The length
of a token is checked where it enters."""

CONTENT_ENCRYPTION = "A256CBC-HS512"
_ACCEPTED_ENCRYPTIONS = frozenset({CONTENT_ENCRYPTION, "A256GCM"})
_JWE = JWERegistry(algorithms=["dir", *sorted(_ACCEPTED_ENCRYPTIONS)], strict_check_header=False)
_JWE.max_ciphertext_length = _UNBOUNDED

SIGNING_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "RS384", "RS512", "ES384", "ES512", "PS384", "PS512")
"""Asymmetric algorithms only, so that a public key can never be used as an HMAC secret (RFC 8725 3.1)."""

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 16_384
"""Of a key's modulus (RFC 7518 3.3, RFC 8725 3.5); beyond the second, one look at a signature takes all of a worker."""

_MAX_EXPONENT_BITS = 64
"""Of a public one; OpenSSL's own limit for a long modulus."""

_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")

_CURVES = {"ES256": ("P-256",), "ES384": ("P-384",), "ES512": ("P-521",), "EdDSA": ("Ed25519",)}
"""Each algorithm's own (RFC 7518 3.4, RFC 8037 3.1); an RSA key has none. Not Ed448, which no provider we know signs with
and whose `at_hash` is by another hash than Ed25519's, though the algorithm is called the same."""

# Five segments, the second empty (direct key). Each must be canonical base64url: decoders ignore the spare bits
# of the last character, and a token that opens in several spellings would have several hashes (T8).
_SEGMENT = r"[\w-]+"
_COMPACT_JWE = re.compile(rf"({_SEGMENT})\.\.({_SEGMENT})\.({_SEGMENT})\.({_SEGMENT})", re.ASCII)
_SPARE_BITS_ZERO = {0: None, 2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}


def hkdf(secret: str, *, salt: str, info: str, length: int) -> bytes:
    """`length` bytes that belong to (secret, salt, info) alone: HKDF-SHA256 (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt.encode(), info=info.encode()).derive(secret.encode())


class SecretKey:
    """A symmetric key for sealed boxes, with the thumbprint that tokens name it by."""

    __slots__ = ("_key", "header", "kid")

    def __init__(self, raw: bytes) -> None:
        self._key = OctKey.import_key(raw)
        self.kid = _thumbprint(raw)
        # In Auth.js's order, so that the first segment of every token under this key is the same.
        header = {"alg": "dir", "enc": CONTENT_ENCRYPTION, "kid": self.kid}
        self.header = _encode_segment(json.dumps(header, separators=(",", ":")).encode()) + "."

    def seal(self, plaintext: bytes) -> str:
        """A compact JWE, `dir` and A256CBC-HS512, which begins with `header`."""
        header = {"alg": "dir", "enc": CONTENT_ENCRYPTION, "kid": self.kid}
        return jwe.encrypt_compact(header, plaintext, self._key, registry=_JWE)

    def open(self, token: str) -> bytes:
        """What was sealed; anything else raises TokenError."""
        try:
            plaintext = jwe.decrypt_compact(token, self._key, registry=_JWE).plaintext
        except (JoseError, ValueError) as error:
            raise TokenError from error
        return plaintext or b""


def validate_compact(token: str) -> str:
    """The token, if it has the shape of a compact JWE with a direct key; TokenError for any other text (T8)."""
    shape = _COMPACT_JWE.fullmatch(token)
    if shape is None or not all(_is_canonical(segment) for segment in shape.groups()):
        raise TokenError
    return token


def read_header(token: str) -> tuple[str, str | None]:
    """(enc, kid) of a compact JWE that is worth a key: right shape, `dir`, allowed `enc`, no `zip`, no `crit`.

    Raises TokenError for everything else, before any key work (RFC 8725 3.1, 3.2, 3.6; T6, T7).
    """
    header = parse_claims(_decode_segment(validate_compact(token).partition(".")[0]))
    if header.get("alg") != "dir" or "zip" in header or "crit" in header:
        raise TokenError
    encryption, kid = header.get("enc"), header.get("kid")
    if not isinstance(encryption, str) or encryption not in _ACCEPTED_ENCRYPTIONS or not isinstance(kid, str | None):
        raise TokenError
    return encryption, kid


def verify(token: str, keys: Iterable[Mapping[str, Any]], algorithms: Collection[str]) -> tuple[Mapping[str, Any], str]:
    """(claims, alg) of a signed token, checked against the given public JWKs.

    Keys that cannot be parsed, are too short or belong to another algorithm are passed over; without a `kid` every
    fitting key is tried. The token's own `jwk`, `jku` and `x5*` headers are never looked at (O4). Raises TokenError;
    NoMatchingKey when no key verifies it.
    """
    header, algorithm = _signed_header(token, algorithms)
    fitting = [key for jwk in keys if _fits(jwk, header) and (key := _public_key(jwk)) is not None]
    if not fitting:
        raise NoMatchingKey
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = registry.max_signature_length = _UNBOUNDED
    for key in fitting:
        try:
            payload = jws.deserialize_compact(token, key, registry=registry).payload
        except (JoseError, ValueError, TypeError):
            continue
        return parse_claims(payload), algorithm
    raise NoMatchingKey


def unverified_claims(token: str) -> dict[str, Any]:
    """What a signed token says, whoever signed it: for one whose bearer is believed for another reason.

    Raises TokenError.
    """
    if token.count(".") != 2:
        raise TokenError
    return parse_claims(_decode_segment(token.split(".")[1]))


def header_type(token: str) -> object:
    """The `typ` of a token that `verify` has passed; None where its header has none."""
    return parse_claims(_decode_segment(token.partition(".")[0])).get("typ")


class NoMatchingKey(TokenError):
    """No key we hold verifies the token: the provider may have rotated its keys since we asked (O5)."""


def half_hash(text: str, algorithm: str) -> str:
    """The left half of the text's hash, by the hash of a signature algorithm (OpenID Connect Core 3.1.3.6).

    That of EdDSA is SHA-512, as its curve is Ed25519.
    """
    hashes = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
    digest = hashes.get(algorithm[-3:], hashlib.sha512)(text.encode()).digest()
    return _encode_segment(digest[: len(digest) // 2])


def parse_claims(data: bytes | None) -> dict[str, Any]:
    """The claims in a token's plaintext; TokenError unless it is one JSON object."""
    try:
        return strict_json.loads_object(data or b"")
    except ValueError as error:
        raise TokenError from error


def ec_key_from_bytes(seed: bytes) -> ECKey:
    """A P-256 key that is the same wherever the seed is the same; `seed` is 48 bytes or more, so no bias is left."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    scalar = int.from_bytes(seed, "big") % (order - 1) + 1
    key = ECKey(ec.derive_private_key(scalar, ec.SECP256R1()), None, None)
    key.ensure_kid()
    return key


def public_jwks(key: ECKey) -> dict[str, Any]:
    """The key's public half as a JWK set."""
    return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}


def _thumbprint(raw: bytes) -> str:
    # RFC 7638, with a hash as long as the key: that is what Auth.js names its keys by.
    jwk = json.dumps({"k": _encode_segment(raw), "kty": "oct"}, separators=(",", ":")).encode()
    return _encode_segment((hashlib.sha512 if len(raw) == 64 else hashlib.sha256)(jwk).digest())


def _is_canonical(segment: str) -> bool:
    spare = len(segment) % 4
    if spare not in _SPARE_BITS_ZERO:
        return False
    allowed = _SPARE_BITS_ZERO[spare]
    return allowed is None or segment[-1] in allowed


def _signed_header(token: str, algorithms: Collection[str]) -> tuple[dict[str, Any], str]:
    if token.count(".") != 2:
        raise TokenError
    header = parse_claims(_decode_segment(token.partition(".")[0]))
    algorithm = header.get("alg")
    if algorithm not in SIGNING_ALGORITHMS or algorithm not in algorithms or "crit" in header:
        raise TokenError
    return header, str(algorithm)


def _public_key(jwk: Mapping[str, Any]) -> Key | None:
    # Before the library sees it: that takes secrets and short keys as well, and only warns. Anybody can sign with a
    # key whose private half is published, and working out what else belongs to that half can take minutes.
    if jwk.get("kty") not in ("RSA", "EC", "OKP") or "d" in jwk or (jwk["kty"] == "RSA" and not _is_sound(jwk)):
        return None
    try:
        return import_key({name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk})
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _is_sound(rsa: Mapping[str, Any]) -> bool:
    return MIN_RSA_BITS <= _bits(rsa.get("n")) <= MAX_RSA_BITS and _bits(rsa.get("e")) <= _MAX_EXPONENT_BITS


def _bits(number: object) -> int:
    try:
        return int.from_bytes(_decode_segment(number), "big").bit_length() if isinstance(number, str) else 0
    except TokenError:
        return 0


def _fits(jwk: Mapping[str, Any], header: Mapping[str, Any]) -> bool:
    if jwk.get("use") not in (None, "sig") or jwk.get("crv") not in _CURVES.get(header["alg"], (None,)):
        return False
    if jwk.get("alg") not in (None, header["alg"]):
        return False
    return "kid" not in header or jwk.get("kid") in (None, header["kid"])


def _decode_segment(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError) as error:
        raise TokenError from error


def _encode_segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
