"""What makes a secret no secret (docs/requirements.md P1)."""

from __future__ import annotations

import re
from collections import Counter

MINIMUM_BYTES = 32

FEWEST_CHARACTERS = 9
"""Different ones. Of 32 random hexadecimal digits fewer come less than once in three hundred thousand."""

LARGEST_SHARE = 0.4
"""Of any one character: of 32 random hexadecimal digits one comes that often less than once in a hundred thousand."""

WELL_KNOWN = re.compile(
    r"change.?(me|this|it)|replace.?(me|this)|(your|my|some|super|top|very|auth|app|session).{0,24}(secret|password)"
    r"|secret.?(key|value|here)|placeholder|insecure|openssl rand|auth secret|generate-secret|a-string-secret"
    r"|correct.?horse|^(client|test)?.?secret$|^(password|example|test|changeit)$|0123456789|1234567890|abcdefghij|qwertyuiop|(?P<word>production|development|password|admin).{0,2}(?P=word)",
    re.IGNORECASE,
)
"""What documentation, templates and tutorials put where a secret belongs. Long enough never to occur by chance."""


def weakness_of(secret: str) -> str | None:
    """What is wrong with it, in words that do not show it; None for nothing."""
    try:
        length = len(secret.encode())
    except UnicodeEncodeError:
        return "it is not text"
    if length < MINIMUM_BYTES:
        return f"it is shorter than {MINIMUM_BYTES} bytes"
    if _repeats_itself(secret):
        return "it repeats itself"
    if is_well_known(secret):
        return "it is a well-known example, not a secret"
    return None if secret == secret.strip() else "there is a space or a line end around it"


def is_well_known(secret: str) -> bool:
    """Whether it is one of those that stand in everybody's examples."""
    return WELL_KNOWN.search(secret) is not None


def _repeats_itself(secret: str) -> bool:
    counts = Counter(secret)
    too_few = len(counts) < FEWEST_CHARACTERS or max(counts.values()) > LARGEST_SHARE * len(secret)
    # Written twice, a text holds itself in the middle exactly when it is a shorter one over and over.
    return too_few or secret in (secret + secret)[1:-1]
