"""What counts as a secret: everything that chance makes, and nothing short or of few characters."""

from __future__ import annotations

import base64
from math import comb
from random import Random

import pytest

from genkan.settings.secrets import MIN_DISTINCT_CHARACTERS, secret_weakness

CHANCE = Random(20)
MADE = {
    "openssl rand -hex 16": lambda: CHANCE.randbytes(16).hex(),
    "openssl rand -hex 32": lambda: CHANCE.randbytes(32).hex(),
    "openssl rand -base64 24": lambda: base64.b64encode(CHANCE.randbytes(24)).decode(),
    "openssl rand -base64 33": lambda: base64.b64encode(CHANCE.randbytes(33)).decode(),
    "token_urlsafe(48)": lambda: base64.urlsafe_b64encode(CHANCE.randbytes(48)).decode(),
}
ONE_IN = 100_000
"""No more often than that may chance itself be told that it is weak."""


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_what_chance_makes_is_a_secret(make: object) -> None:
    assert callable(make)
    assert [weakness for _ in range(500) if (weakness := secret_weakness(make()))] == []


def test_hardly_ever_has_chance_too_few_different_digits() -> None:
    """Counted exactly: the words of 32 hexadecimal digits that use fewer different ones than are asked for."""
    unlucky = sum(comb(16, used) * words_with_all_of(used) for used in range(MIN_DISTINCT_CHARACTERS))

    assert unlucky * ONE_IN < 16**32


def words_with_all_of(digits: int) -> int:
    """Of 32 places, filled with so many digits, all of which occur."""
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
def test_what_a_hand_types_to_fill_the_line_is_none(secret: str) -> None:
    weakness = secret_weakness(secret)

    assert weakness is not None
    assert weakness.isascii()


def test_bytes_are_counted_and_not_letters() -> None:
    assert secret_weakness("zwölf Käuze übten gröblich") == "it is shorter than 32 bytes"
    assert secret_weakness("zwölf Käuze übten gröbliche Töne") is None
