"""Requirements for secrets: random ones are accepted, short or repetitive ones are refused."""

from __future__ import annotations

import base64
from math import comb
from random import Random

import pytest

from genkan.settings.secrets import MIN_DISTINCT_CHARACTERS, secret_weakness

RNG = Random(20)
GENERATORS = {
    "openssl rand -hex 16": lambda: RNG.randbytes(16).hex(),
    "openssl rand -hex 32": lambda: RNG.randbytes(32).hex(),
    "openssl rand -base64 24": lambda: base64.b64encode(RNG.randbytes(24)).decode(),
    "openssl rand -base64 33": lambda: base64.b64encode(RNG.randbytes(33)).decode(),
    "token_urlsafe(48)": lambda: base64.urlsafe_b64encode(RNG.randbytes(48)).decode(),
}
MAX_ONE_IN = 100_000
"""Less than one in this many random secrets may be refused."""


@pytest.mark.parametrize("generate", GENERATORS.values(), ids=GENERATORS)
def test_random_secrets_are_accepted(generate: object) -> None:
    assert callable(generate)
    assert [weakness for _ in range(500) if (weakness := secret_weakness(generate()))] == []


def test_random_hexadecimal_digits_are_almost_never_refused() -> None:
    """Exact number of strings of 32 hexadecimal digits that are refused."""
    refused = sum(comb(16, used) * strings_with_all_of(used) for used in range(MIN_DISTINCT_CHARACTERS))

    assert refused * MAX_ONE_IN < 16**32


def strings_with_all_of(digits: int) -> int:
    """Return the number of strings of 32 characters that use each of `digits` different characters."""
    return sum((-1) ** left_out * comb(digits, left_out) * (digits - left_out) ** 32 for left_out in range(digits + 1))


@pytest.mark.parametrize(
    "secret",
    [
        "aaaabbbbccccddddeeeeffffgggghhhh",
        "aaaaaaaaaaaaaaaaaaaaaaaaabcdefgh",
        "abcdefgh" * 4,
        "\ud83c" * 16 + "4e1f0a9b7c6d5e2f8a3b",
    ],
    ids=ascii,
)
def test_repetitive_secrets_are_refused(secret: str) -> None:
    weakness = secret_weakness(secret)

    assert weakness is not None
    assert weakness.isascii()


def test_the_length_is_counted_in_bytes() -> None:
    assert secret_weakness("zwölf Käuze übten gröblich") == "it is shorter than 32 bytes"
    assert secret_weakness("zwölf Käuze übten gröbliche Töne") is None
