"""Limits of tokens: their length, and headers that are not supported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from genkan.crypto.compact import MAX_TOKEN_CHARACTERS, SIGNING_ALGORITHMS, unverified_claims
from genkan.crypto.jose import verify
from genkan.crypto.sealer import Sealer
from genkan.errors import TokenError
from genkan.oauth.id_token import LOGOUT_EVENT
from genkan.oauth.logout_token import MAX_AGE, may_be_logout_token
from tests.clock import START
from tests.core import SECRET
from tests.tokens.signing import SigningKey, compact, key

SIGNER = key("first")
HEADER = {"alg": "RS256", "kid": "first"}


def long_key() -> rsa.RSAPrivateKey:
    """Return a key of 8192 bits that protects nothing. To generate one takes ten seconds or more."""
    p, q, e = 3 * 2**4094 + 3389, 7 * 2**4093 + 135, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def unused_keys() -> Iterator[dict[str, Any]]:
    """Iterator of keys that fails if a key is read."""
    raise AssertionError("a key was read")
    yield {}


@pytest.mark.parametrize("length", [40_000, 50_000, 200_000, 700_000])
def test_a_signed_token_of_a_provider_may_be_long(length: int) -> None:
    token = compact(HEADER, {"fill": "x" * length}, SIGNER.sign)

    assert (
        verify(token, [SIGNER.public_jwk()], SIGNING_ALGORITHMS)[0]
        == unverified_claims(token)
        == {"fill": "x" * length}
    )


def test_a_header_with_certificates_and_a_long_signature_are_accepted() -> None:
    signer = SigningKey("long", long_key())
    token = compact({"alg": "RS256", "kid": "long", "x5c": ["A" * 2000] * 3}, {"sub": "ann"}, signer.sign)

    assert verify(token, [signer.public_jwk()], SIGNING_ALGORITHMS) == ({"sub": "ann"}, "RS256")


def test_a_too_long_logout_token_is_refused() -> None:
    events: dict[str, object] = {LOGOUT_EVENT: {}}
    short, long = (compact(HEADER, {"events": events, "fill": "x" * size}, SIGNER.sign) for size in (40_000, 50_000))

    assert len(short) < MAX_TOKEN_CHARACTERS < len(long)
    assert may_be_logout_token(short)
    assert not may_be_logout_token(long)


def test_a_too_long_session_token_is_refused() -> None:
    sealer = Sealer([SECRET], "salt", lambda: START)
    short, long = (sealer.seal({"fill": "x" * size}, 60) for size in (48_000, 49_500))

    assert len(short) < MAX_TOKEN_CHARACTERS < len(long)
    assert sealer.open(short)["fill"] == "x" * 48_000
    with pytest.raises(TokenError):
        sealer.open(long)


@pytest.mark.parametrize("crit", [["b64"], ["urn:example:must-know"], [], None])
def test_a_critical_header_is_refused_before_a_key_is_read(crit: object) -> None:
    """RFC 7515 section 4.1.11."""
    token = compact({**HEADER, "b64": True, "crit": crit}, {"sub": "ann"}, SIGNER.sign)

    with pytest.raises(TokenError):
        verify(token, unused_keys(), SIGNING_ALGORITHMS)


def test_a_key_without_kid_verifies_a_token_with_kid() -> None:
    """Providers with one key may publish it without `kid`."""
    token = compact(HEADER, {"sub": "ann"}, SIGNER.sign)
    key_without_kid = {name: value for name, value in SIGNER.public_jwk().items() if name != "kid"}

    assert verify(token, [key_without_kid], SIGNING_ALGORITHMS) == ({"sub": "ann"}, "RS256")


def test_a_key_for_another_algorithm_or_use_is_skipped() -> None:
    token = compact(HEADER, {"sub": "ann"}, SIGNER.sign)
    for other in ({"alg": "PS256"}, {"alg": "RS512"}, {"use": "enc"}, {"kid": "second"}):
        with pytest.raises(TokenError):
            verify(token, [{**SIGNER.public_jwk(), **other}], SIGNING_ALGORITHMS)


def test_a_logout_token_is_valid_for_at_most_one_day() -> None:
    assert MAX_AGE == 86_400
