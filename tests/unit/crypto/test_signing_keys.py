"""Which of a provider's keys may verify anything at all (RFC 7518 3.3, 3.4; RFC 8725 3.1, 3.5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from genkan.crypto.jose import SIGNING_ALGORITHMS, NoMatchingKey, verify
from genkan.errors import TokenError
from tests.tokens.signing import b64url, compact, key, signed_with_secret

CLAIMS = {"sub": "ann"}
ELLIPTIC: dict[str, hashes.HashAlgorithm] = {
    "ES256": hashes.SHA256(),
    "ES384": hashes.SHA384(),
    "ES512": hashes.SHA512(),
}


def on_curve(curve: ec.EllipticCurve, algorithm: str, name: str) -> tuple[str, dict[str, Any]]:
    """A token with a good signature of that curve under that algorithm's name, and the key to it."""
    private = ec.generate_private_key(curve)
    size = (curve.key_size + 7) // 8

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(data, ec.ECDSA(ELLIPTIC[algorithm])))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    numbers = private.public_key().public_numbers()
    x, y = (b64url(number.to_bytes(size, "big")) for number in (numbers.x, numbers.y))
    return compact({"alg": algorithm}, CLAIMS, sign), {"kty": "EC", "crv": name, "x": x, "y": y}


def raw(public: ed25519.Ed25519PublicKey | x25519.X25519PublicKey) -> str:
    return b64url(public.public_bytes(Encoding.Raw, PublicFormat.Raw))


def test_two_thousand_and_forty_eight_bits_are_enough() -> None:
    signer = key("long enough")
    token = compact({"alg": "RS256"}, CLAIMS, signer.sign)

    assert verify(token, [signer.public_jwk()], SIGNING_ALGORITHMS) == (CLAIMS, "RS256")


@pytest.mark.parametrize("bits", [1024, 2047])
@pytest.mark.parametrize("disguise", [lambda n: n, lambda n: "A" * 400 + n], ids=["as it is", "behind zeros"])
def test_a_shorter_rsa_key_verifies_nothing(bits: int, disguise: Callable[[str], str]) -> None:
    signer = key("short", bits=bits)
    token = compact({"alg": "RS256"}, CLAIMS, signer.sign)
    jwk = signer.public_jwk()

    with pytest.raises(NoMatchingKey):
        verify(token, [{**jwk, "n": disguise(jwk["n"])}], SIGNING_ALGORITHMS)


def test_a_short_key_does_not_stand_in_the_way_of_a_good_one() -> None:
    short, good = key("short", bits=1024), key("long enough")
    token = compact({"alg": "RS256"}, CLAIMS, good.sign)

    assert verify(token, [short.public_jwk(), good.public_jwk()], SIGNING_ALGORITHMS) == (CLAIMS, "RS256")


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "none"])
def test_an_algorithm_of_shared_secrets_is_refused_before_any_key_is_looked_at_also_where_it_was_asked_for(
    algorithm: str,
) -> None:
    """A public key would be the secret that everybody knows (RFC 8725 3.1)."""

    def keys() -> Iterator[dict[str, Any]]:
        raise AssertionError("a key was looked at")
        yield {}

    token = compact({"alg": algorithm}, CLAIMS, signed_with_secret(key("long enough").public_pem()))
    with pytest.raises(TokenError):
        verify(token, keys(), [algorithm])


@pytest.mark.parametrize("modulus", [None, 7, "", "*", "ü", "\ud800", ["AQAB"]])
def test_a_modulus_that_is_none_is_passed_over(modulus: object) -> None:
    token = compact({"alg": "RS256"}, CLAIMS, key("long enough").sign)

    with pytest.raises(NoMatchingKey):
        verify(token, [{"kty": "RSA", "n": modulus, "e": "AQAB"}], SIGNING_ALGORITHMS)


@pytest.mark.parametrize(
    ("curve", "name", "algorithm"),
    [(ec.SECP256R1(), "P-256", "ES256"), (ec.SECP384R1(), "P-384", "ES384"), (ec.SECP521R1(), "P-521", "ES512")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_elliptic_algorithm_has_its_curve(curve: ec.EllipticCurve, name: str, algorithm: str) -> None:
    token, jwk = on_curve(curve, algorithm, name)
    assert verify(token, [jwk], SIGNING_ALGORITHMS) == (CLAIMS, algorithm)

    for other in ELLIPTIC.keys() - {algorithm}:
        token, jwk = on_curve(curve, other, name)
        with pytest.raises(NoMatchingKey):
            verify(token, [jwk], SIGNING_ALGORITHMS)


@pytest.mark.parametrize(
    ("curve", "name"), [(ec.SECP256K1(), "secp256k1"), (ec.SECP192R1(), "P-192"), (ec.SECP192R1(), "P-256")]
)
def test_a_curve_of_no_algorithm_verifies_nothing(curve: ec.EllipticCurve, name: str) -> None:
    token, jwk = on_curve(curve, "ES256", name)

    with pytest.raises(NoMatchingKey):
        verify(token, [jwk], SIGNING_ALGORITHMS)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_key_of_another_kind_is_passed_over(algorithm: str) -> None:
    _, elliptic = on_curve(ec.SECP384R1(), "ES384", "P-384")
    exchange = {"kty": "OKP", "crv": "X25519", "x": raw(x25519.X25519PrivateKey.generate().public_key())}
    secret = {"kty": "oct", "k": b64url(b"short")}
    token = compact({"alg": algorithm}, CLAIMS, lambda _: b"x" * 64)

    with pytest.raises(NoMatchingKey):
        verify(token, [elliptic, exchange, secret], SIGNING_ALGORITHMS)


def test_a_key_whose_private_half_is_published_verifies_nothing_and_costs_nothing() -> None:
    """Anybody could sign with it, and working out what belongs to a long one would hold up the whole worker."""
    signer = key("long enough")
    token = compact({"alg": "RS256"}, CLAIMS, signer.sign)
    started = time.thread_time()

    with pytest.raises(NoMatchingKey):
        verify(token, [{**signer.public_jwk(), "d": "x" * 400_000}], SIGNING_ALGORITHMS)
    assert time.thread_time() - started < 1


@pytest.mark.parametrize("member", [{"n": "A" + "x" * 2_740}, {"e": "AQAB" * 4}])
def test_numbers_that_would_take_all_of_a_worker_are_passed_over(member: dict[str, str]) -> None:
    signer = key("long enough")
    token = compact({"alg": "RS256"}, CLAIMS, signer.sign)

    assert verify(token, [signer.public_jwk()], SIGNING_ALGORITHMS)
    with pytest.raises(NoMatchingKey):
        verify(token, [{**signer.public_jwk(), **member}], SIGNING_ALGORITHMS)


def test_a_broken_key_beside_the_right_one_is_not_even_looked_at() -> None:
    signer = key("long enough")
    token = compact({"alg": "RS256", "kid": "good"}, CLAIMS, signer.sign)
    broken = {"kty": "RSA", "kid": "bad", "n": ["?"], "e": None, "d": "x"}

    assert verify(token, [broken, {**signer.public_jwk(), "kid": "good"}], SIGNING_ALGORITHMS) == (CLAIMS, "RS256")


def test_of_the_edwards_curves_one_counts() -> None:
    """Under Ed448 the hash of an access token would be another one, and the algorithm's name does not tell."""
    signer = ed448.Ed448PrivateKey.generate()
    x = b64url(signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    token = compact({"alg": "EdDSA"}, CLAIMS, signer.sign)

    with pytest.raises(NoMatchingKey):
        verify(token, [{"kty": "OKP", "crv": "Ed448", "x": x}], SIGNING_ALGORITHMS)
