"""Minimum requirements for a secret: its length and the number of different characters."""

from __future__ import annotations

MIN_BYTES = 32
"""Bytes of the secret in UTF-8."""

MIN_DISTINCT_CHARACTERS = 9
"""Number of different characters. Less than one in 300,000 random strings of 32 hexadecimal digits has fewer."""


def secret_weakness(secret: str) -> str | None:
    """Return what is wrong with the secret, without quoting it. None for a secret that is good enough."""
    try:
        length = len(secret.encode())
    except UnicodeEncodeError:
        return "it is not text"
    if length < MIN_BYTES:
        return f"it is shorter than {MIN_BYTES} bytes"
    return "it repeats itself" if len(set(secret)) < MIN_DISTINCT_CHARACTERS else None
