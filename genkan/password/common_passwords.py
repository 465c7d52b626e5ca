"""Common passwords: a set that is read from a file at its first use.

The file contains the first bytes of a hash of each, sorted. So it needs a fifth of the memory of a set of texts, and a
password is found by halving. `scripts/common_passwords.py` writes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

BYTES = 4
"""Bytes of each hash. With 50,000 entries, one of 86,000 other texts is taken for a common one."""

MIN_LETTERS = 4
"""Length of the shortest entry."""


class CommonPasswords:
    """Set of common passwords, each as `reduce` returns it."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed) // BYTES

    def __contains__(self, text: str) -> bool:
        if len(text) < MIN_LETTERS:
            return False
        wanted, low, high = _hash(text), 0, len(self)
        while low < high:
            middle = (low + high) // 2
            found = self._packed[middle * BYTES : (middle + 1) * BYTES]
            if found == wanted:
                return True
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return False


def pack(texts: Iterable[str]) -> bytes:
    """Return the content of the file for these texts."""
    return b"".join(sorted({_hash(text) for text in texts if len(text) >= MIN_LETTERS}))


@cache
def common_passwords() -> CommonPasswords:
    """Return the common passwords. They are read once."""
    return CommonPasswords(files("genkan.password").joinpath("common_passwords.bin").read_bytes())


def reduce(text: str) -> str:
    """Return the casefolded text without digits and signs at both ends and without repetition.

    A text without letters is returned as it is, without repetition.
    """
    start = next((index for index, character in enumerate(text) if character.isalpha()), None)
    if start is None:
        return shortest_block(text.casefold())
    end = next(len(text) - index for index, character in enumerate(reversed(text)) if character.isalpha())
    return shortest_block(text[start:end].casefold())


def letters_of(text: str) -> str:
    """Return the casefolded letters of the text, without repetition."""
    return shortest_block("".join(filter(str.isalpha, text)).casefold())


def shortest_block(text: str) -> str:
    """Return the shortest start of the text that, repeated, gives the text. The last repetition may be incomplete."""
    # The length of the longest proper start that is an end too, for each start (the table of Knuth, Morris and Pratt).
    longest = [0] * len(text)
    for index in range(1, len(text)):
        length = longest[index - 1]
        while length and text[index] != text[length]:
            length = longest[length - 1]
        longest[index] = length + (text[index] == text[length])
    period = len(text) - longest[-1] if text else 0
    # An end that happens to be a start is no repetition: "enjoyseven" has no block.
    return text[:period] if 2 * period <= len(text) else text


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=BYTES).digest()
