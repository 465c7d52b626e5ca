"""Keys of a provider that may verify a signature (RFC 7518 sections 3.3 and 3.4, RFC 8725 sections 3.1 and 3.5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from genkan.crypto.compact import SIGNING_ALGORITHMS, NoMatchingKey
from genkan.crypto.jose import verify
from genkan.errors import TokenError
from tests.tokens.signing import b64url, compact, key, signed_with_secret

CLAIMS = {"sub": "ann"}
EC_HASHES: dict[str, hashes.HashAlgorithm] = {
    "ES256": hashes.SHA256(),
    "ES384": hashes.SHA384(),
    "ES512": hashes.SHA512(),
}


def signed_on_curve(curve: ec.EllipticCurve, algorithm: str, name: str) -> tuple[str, dict[str, Any]]:
    """Return a token with a valid signature on that curve under that algorithm, and the key as a JWK."""
    private = ec.generate_private_key(curve)
    size = (curve.key_size + 7) // 8

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(data, ec.ECDSA(EC_HASHES[algorithm])))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    numbers = private.public_key().public_numbers()
    x, y = (b64url(number.to_bytes(size, "big")) for number in (numbers.x, numbers.y))
    return compact({"alg": algorithm}, CLAIMS, sign), {"kty": "EC", "crv": name, "x": x, "y": y}


def raw_public_key(public: ed25519.Ed25519PublicKey | x25519.X25519PublicKey) -> str:
    return b64url(public.public_bytes(Encoding.Raw, PublicFormat.Raw))


def test_an_rsa_key_of_2048_bits_is_accepted() -> None:
    signer = key("2048 bits")
    token = compact({"alg": "RS256"}, CLAIMS, signer.sign)

    assert verify(token, [signer.public_jwk()], SIGNING_ALGORITHMS) == (CLAIMS, "RS256")


@pytest.mark.parametrize("names", [("kid", None), (None, "kid"), (None, None)])
def test_a_key_or_a_token_may_have_no_kid(names: tuple[str | None, str | None]) -> None:
    signer, (in_header, in_jwk) = key("no kid"), names
    token = compact({"alg": "RS256"} | ({"kid": in_header} if in_header else {}), CLAIMS, signer.sign)
    jwk = {name: value for name, value in signer.public_jwk().items() if name != "kid"}

    assert verify(token, [jwk | ({"kid": in_jwk} if in_jwk else {})], SIGNING_ALGORITHMS) == (CLAIMS, "RS256")


@pytest.mark.parametrize("bits", [1024, 2047])
@pytest.mark.parametrize("encode", [lambda n: n, lambda n: "A" * 400 + n], ids=["plain", "with leading zeros"])
def test_a_shorter_rsa_key_is_refused(bits: int, encode: Callable[[str], str]) -> None:
    signer = key("short", bits=bits)
    token = compact({"alg": "RS256"}, CLAIMS, signer.sign)
    jwk = signer.public_jwk()

    with pytest.raises(NoMatchingKey):
        verify(token, [{**jwk, "n": encode(jwk["n"])}], SIGNING_ALGORITHMS)


def test_a_valid_key_after_a_short_one_is_used() -> None:
    short, good = key("short", bits=1024), key("2048 bits")
    token = compact({"alg": "RS256"}, CLAIMS, good.sign)

    assert verify(token, [short.public_jwk(), good.public_jwk()], SIGNING_ALGORITHMS) == (CLAIMS, "RS256")


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "none"])
def test_a_symmetric_algorithm_is_refused_before_a_key_is_read_even_if_requested(
    algorithm: str,
) -> None:
    """Otherwise the public key, which is not secret, could be used as an HMAC secret (RFC 8725 section 3.1)."""

    def keys() -> Iterator[dict[str, Any]]:
        raise AssertionError("a key was read")
        yield {}

    token = compact({"alg": algorithm}, CLAIMS, signed_with_secret(key("2048 bits").public_pem()))
    with pytest.raises(TokenError):
        verify(token, keys(), [algorithm])


@pytest.mark.parametrize("modulus", [None, 7, "", "*", "ü", "\ud800", ["AQAB"]])
def test_a_key_with_an_invalid_modulus_is_skipped(modulus: object) -> None:
    token = compact({"alg": "RS256"}, CLAIMS, key("2048 bits").sign)

    with pytest.raises(NoMatchingKey):
        verify(token, [{"kty": "RSA", "n": modulus, "e": "AQAB"}], SIGNING_ALGORITHMS)


@pytest.mark.parametrize(
    ("curve", "name", "algorithm"),
    [(ec.SECP256R1(), "P-256", "ES256"), (ec.SECP384R1(), "P-384", "ES384"), (ec.SECP521R1(), "P-521", "ES512")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_ec_algorithm_accepts_its_own_curve_only(curve: ec.EllipticCurve, name: str, algorithm: str) -> None:
    token, jwk = signed_on_curve(curve, algorithm, name)
    assert verify(token, [jwk], SIGNING_ALGORITHMS) == (CLAIMS, algorithm)

    for other in EC_HASHES.keys() - {algorithm}:
        token, jwk = signed_on_curve(curve, other, name)
        with pytest.raises(NoMatchingKey):
            verify(token, [jwk], SIGNING_ALGORITHMS)


@pytest.mark.parametrize(
    ("curve", "name"), [(ec.SECP256K1(), "secp256k1"), (ec.SECP192R1(), "P-192"), (ec.SECP192R1(), "P-256")]
)
def test_an_unsupported_curve_is_refused(curve: ec.EllipticCurve, name: str) -> None:
    token, jwk = signed_on_curve(curve, "ES256", name)

    with pytest.raises(NoMatchingKey):
        verify(token, [jwk], SIGNING_ALGORITHMS)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_key_of_another_type_is_skipped(algorithm: str) -> None:
    _, elliptic = signed_on_curve(ec.SECP384R1(), "ES384", "P-384")
    exchange = {"kty": "OKP", "crv": "X25519", "x": raw_public_key(x25519.X25519PrivateKey.generate().public_key())}
    secret = {"kty": "oct", "k": b64url(b"short")}
    token = compact({"alg": algorithm}, CLAIMS, lambda _: b"x" * 64)

    with pytest.raises(NoMatchingKey):
        verify(token, [elliptic, exchange, secret], SIGNING_ALGORITHMS)


def test_a_published_private_key_is_refused_without_delay() -> None:
    """Everyone can sign with a published key, and deriving the missing parts of a long one would block the worker."""
    signer = key("2048 bits")
    token = compact({"alg": "RS256"}, CLAIMS, signer.sign)
    started = time.thread_time()

    with pytest.raises(NoMatchingKey):
        verify(token, [{**signer.public_jwk(), "d": "x" * 400_000}], SIGNING_ALGORITHMS)
    assert time.thread_time() - started < 1


@pytest.mark.parametrize("member", [{"n": "A" + "x" * 2_740}, {"e": "AQAB" * 4}])
def test_a_key_with_too_large_numbers_is_skipped(member: dict[str, str]) -> None:
    signer = key("2048 bits")
    token = compact({"alg": "RS256"}, CLAIMS, signer.sign)

    assert verify(token, [signer.public_jwk()], SIGNING_ALGORITHMS)
    with pytest.raises(NoMatchingKey):
        verify(token, [{**signer.public_jwk(), **member}], SIGNING_ALGORITHMS)


def test_an_invalid_key_with_another_kid_is_not_read() -> None:
    signer = key("2048 bits")
    token = compact({"alg": "RS256", "kid": "good"}, CLAIMS, signer.sign)
    broken = {"kty": "RSA", "kid": "bad", "n": ["?"], "e": None, "d": "x"}

    assert verify(token, [broken, {**signer.public_jwk(), "kid": "good"}], SIGNING_ALGORITHMS) == (CLAIMS, "RS256")


def test_ed448_is_refused() -> None:
    """With Ed448 `at_hash` uses another hash, and the name of the algorithm does not tell the two curves apart."""
    signer = ed448.Ed448PrivateKey.generate()
    x = b64url(signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    token = compact({"alg": "EdDSA"}, CLAIMS, signer.sign)

    with pytest.raises(NoMatchingKey):
        verify(token, [{"kty": "OKP", "crv": "Ed448", "x": x}], SIGNING_ALGORITHMS)
