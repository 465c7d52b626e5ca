"""The least that a secret must be: long enough, and of enough different characters."""

from __future__ import annotations

MINIMUM_BYTES = 32

FEWEST_CHARACTERS = 9
"""Different ones. Of 32 random hexadecimal digits fewer come less than once in three hundred thousand."""


def secret_weakness(secret: str) -> str | None:
    """Return what is wrong with the secret in words that do not show it, or None."""
    try:
        length = len(secret.encode())
    except UnicodeEncodeError:
        return "it is not text"
    if length < MINIMUM_BYTES:
        return f"it is shorter than {MINIMUM_BYTES} bytes"
    return "it repeats itself" if len(set(secret)) < FEWEST_CHARACTERS else None
