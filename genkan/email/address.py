"""Email addresses in one normalised form, so that an address that is written in several ways is one user."""

from __future__ import annotations

import re
import unicodedata

from genkan.errors import InvalidAddress
from genkan.spellings import ascii_form

MAX_LENGTH = 254
"""Characters of an address (RFC 5321 section 4.5.3.1.3, without the angle brackets of the path)."""
MAX_LOCAL_LENGTH = 64
"""Characters before the @."""

_MAX_TYPED = 1024
"""Characters that are looked at. Normalising changes the length, but a longer text is no address."""

# Printable ASCII without blanks, quotes, and what separates addresses or encloses one in a header. Other characters before
# the @ need a mail server with SMTPUTF8 at every hop.
_LOCAL = re.compile(r"[!#$%&'*+\-./0-9=?^_`a-z{|}~]{1,64}")
_DOMAIN = re.compile(r"[^\x00-\x20\x7f\"'(),:;<>@\[\\\]]+")


def normalize(address: str) -> str:
    """Return the address in NFKC and in lower case, with an internationalised domain in its ASCII form.

    Part and dots before the @ are kept, also `+tag`, because they may name different mailboxes. Raises InvalidAddress
    if the text is not exactly one address of a domain.
    """
    if len(address) > _MAX_TYPED:
        raise InvalidAddress("it is not an email address")
    # Before anything is checked: U+FF20 and U+FE6B become the @ here.
    text = unicodedata.normalize("NFKC", address).lower().strip()
    local, _, domain = text.partition("@")
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise InvalidAddress("it is not an email address")
    normalized = ascii_form(text)
    if normalized is None or len(normalized) > MAX_LENGTH:
        raise InvalidAddress("it is not an email address")
    return normalized
