"""Tokens that are too long or say what nobody here understands are refused before any work is done for them (T7, O4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from genkan.crypto.jose import MAX_TOKEN_CHARACTERS, SIGNING_ALGORITHMS, unverified_claims, verify
from genkan.crypto.sealer import Sealer
from genkan.errors import TokenError
from genkan.oauth.id_token import LOGOUT_EVENT
from genkan.oauth.logout_token import MAX_AGE, may_be_logout_token
from tests.clock import START
from tests.core import SECRET
from tests.tokens.signing import compact, key

SIGNER = key("first")
HEADER = {"alg": "RS256", "kid": "first"}


def untouched() -> Iterator[dict[str, Any]]:
    """Keys that nobody looks at."""
    raise AssertionError("a key was looked at")
    yield {}


@pytest.mark.parametrize("length", [40_000, 50_000, 200_000, 700_000])
def test_a_signed_token_may_be_as_long_as_an_answer_of_a_provider(length: int) -> None:
    token = compact(HEADER, {"fill": "x" * length}, SIGNER.sign)

    assert (
        verify(token, [SIGNER.public_jwk()], SIGNING_ALGORITHMS)[0]
        == unverified_claims(token)
        == {"fill": "x" * length}
    )


def test_a_header_with_a_chain_of_certificates_and_a_long_signature_are_read() -> None:
    signer = key("long", bits=8192)
    token = compact({"alg": "RS256", "kid": "long", "x5c": ["A" * 2000] * 3}, {"sub": "ann"}, signer.sign)

    assert verify(token, [signer.public_jwk()], SIGNING_ALGORITHMS) == ({"sub": "ann"}, "RS256")


def test_a_logout_token_may_be_so_long_and_no_longer() -> None:
    events: dict[str, object] = {LOGOUT_EVENT: {}}
    short, long = (compact(HEADER, {"events": events, "fill": "x" * size}, SIGNER.sign) for size in (40_000, 50_000))

    assert len(short) < MAX_TOKEN_CHARACTERS < len(long)
    assert may_be_logout_token(short)
    assert not may_be_logout_token(long)


def test_a_sealed_token_of_a_browser_may_be_so_long_and_no_longer() -> None:
    sealer = Sealer([SECRET], "salt", lambda: START)
    short, long = (sealer.seal({"fill": "x" * size}, 60) for size in (48_000, 49_500))

    assert len(short) < MAX_TOKEN_CHARACTERS < len(long)
    assert sealer.open(short)["fill"] == "x" * 48_000
    with pytest.raises(TokenError):
        sealer.open(long)


@pytest.mark.parametrize("crit", [["b64"], ["urn:example:must-know"], [], None])
def test_what_must_be_understood_and_is_not_ends_it_before_any_key_is_looked_at(crit: object) -> None:
    """RFC 7515 4.1.11."""
    token = compact({**HEADER, "b64": True, "crit": crit}, {"sub": "ann"}, SIGNER.sign)

    with pytest.raises(TokenError):
        verify(token, untouched(), SIGNING_ALGORITHMS)


def test_a_key_without_a_name_fits_a_token_that_names_one() -> None:
    """Providers with one key may leave its name out of the key set."""
    token = compact(HEADER, {"sub": "ann"}, SIGNER.sign)
    nameless = {name: value for name, value in SIGNER.public_jwk().items() if name != "kid"}

    assert verify(token, [nameless], SIGNING_ALGORITHMS) == ({"sub": "ann"}, "RS256")


def test_a_key_for_another_algorithm_or_use_verifies_nothing() -> None:
    token = compact(HEADER, {"sub": "ann"}, SIGNER.sign)
    for other in ({"alg": "PS256"}, {"alg": "RS512"}, {"use": "enc"}, {"kid": "second"}):
        with pytest.raises(TokenError):
            verify(token, [{**SIGNER.public_jwk(), **other}], SIGNING_ALGORITHMS)


def test_a_logout_token_lives_for_a_day_at_most() -> None:
    assert MAX_AGE == 86_400
