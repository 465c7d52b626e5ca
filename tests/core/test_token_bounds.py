"""Tokens that are too long or say what nobody here understands are refused before any work is done for them (T7, O4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from genkan.errors import TokenError
from genkan.jose import MAX_TOKEN_CHARACTERS, SIGNATURES, checked, claims_unchecked, verify
from genkan.logout_token import LONGEST_LIFE
from tests.peers.signing import compact, key

SIGNER = key("first")
HEADER = {"alg": "RS256", "kid": "first"}


def untouched() -> Iterator[dict[str, Any]]:
    """Keys that nobody looks at."""
    raise AssertionError("a key was looked at")
    yield {}


def test_a_signed_token_may_be_so_long_and_no_longer() -> None:
    short, long = (compact(HEADER, {"fill": "x" * length}, SIGNER.sign) for length in (40_000, 50_000))

    assert len(short) < MAX_TOKEN_CHARACTERS < len(long)
    assert verify(short, [SIGNER.public_jwk()], SIGNATURES)[0] == claims_unchecked(short)
    with pytest.raises(TokenError):
        verify(long, untouched(), SIGNATURES)
    with pytest.raises(TokenError):
        claims_unchecked(long)


def test_nor_a_sealed_one_whatever_its_shape() -> None:
    fits = f"AAAA..AAAA.{'A' * (MAX_TOKEN_CHARACTERS - 16)}.AAAA"

    assert checked(fits) == fits
    with pytest.raises(TokenError):
        checked(fits + "AAAA")


@pytest.mark.parametrize("crit", [["b64"], ["urn:example:must-know"], [], None])
def test_what_must_be_understood_and_is_not_ends_it_before_any_key_is_looked_at(crit: object) -> None:
    """RFC 7515 4.1.11."""
    token = compact({**HEADER, "b64": True, "crit": crit}, {"sub": "ann"}, SIGNER.sign)

    with pytest.raises(TokenError):
        verify(token, untouched(), SIGNATURES)


def test_a_key_without_a_name_fits_a_token_that_names_one() -> None:
    """Providers with one key may leave its name out of the key set."""
    token = compact(HEADER, {"sub": "ann"}, SIGNER.sign)
    nameless = {name: value for name, value in SIGNER.public_jwk().items() if name != "kid"}

    assert verify(token, [nameless], SIGNATURES) == ({"sub": "ann"}, "RS256")


def test_a_key_for_another_algorithm_or_use_verifies_nothing() -> None:
    token = compact(HEADER, {"sub": "ann"}, SIGNER.sign)
    for other in ({"alg": "PS256"}, {"alg": "RS512"}, {"use": "enc"}, {"kid": "second"}):
        with pytest.raises(TokenError):
            verify(token, [{**SIGNER.public_jwk(), **other}], SIGNATURES)


def test_a_logout_token_lives_for_a_day_at_most() -> None:
    assert LONGEST_LIFE == 86_400
