"""Conversion of a provider's profile to a user, with the type, length and characters of every field checked."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from genkan.errors import ProviderError
from genkan.http.urls import is_http_url
from genkan.providers.base import ProfileUser
from genkan.spellings import with_ascii_domain
from genkan.types import User

MAX_NAME = 200
MAX_EMAIL = 254
"""Characters. A path in RFC 5321 section 4.5.3.1.3 has 256 octets, including two angle brackets."""
MAX_SUBJECT = 255
"""Characters. OpenID Connect Core section 2: `sub` must not exceed 255 ASCII characters."""

# Control characters (NUL, line ends, ANSI escapes) and marks that change the direction of text.
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_REPLACEMENT = "\ufffd"
"""A decoder writes it for every invalid byte, so two different subjects or addresses could become equal."""
# Unicode classes these as letters and symbols, but fonts show nothing for them.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# An ideographic full stop separates domain labels like a dot (RFC 3490 section 3.1), and NFKC keeps it.
_ADDRESS = re.compile(r"[^@\s\"<>,;:\\()\[\]\u3002]+@[^@\s\"<>,;:\\()\[\]\u3002]+")


def to_user(profile: ProfileUser, now: float) -> User:
    """Return a user with a new random id and normalized fields. A field of the wrong type becomes None.

    `email` is set only if the provider says that the address is verified. `now`, in seconds since 1970, becomes
    `email_verified` then. Any other address is the user's `unverified_email`.
    """
    email = normalize_email(profile.email)
    is_verified = email is not None and profile.email_verified is True
    return User(
        id=str(uuid4()),
        name=normalize_text(profile.name, MAX_NAME),
        email=email if is_verified else None,
        image=profile.image if isinstance(profile.image, str) and is_http_url(profile.image) else None,
        email_verified=datetime.fromtimestamp(now, UTC) if is_verified else None,
        unverified_email=None if is_verified else email,
    )


def normalize_subject(value: Any) -> str:
    """Return the provider's id of a user as 1 to 255 characters without control characters.

    An integer becomes its decimal digits. Raises ProviderError for any other value, because an account is stored under
    its subject.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 1 <= len(text) <= MAX_SUBJECT or _is_unsafe_key(text):
        raise ProviderError("no usable subject")
    return text


def normalize_text(value: Any, limit: int) -> str | None:
    """Return at most `limit` characters of a string, without control characters.

    None for another type, and for text without a visible character.
    """
    if not isinstance(value, str):
        return None
    text = _UNWANTED.sub("", value[: 4 * limit]).strip()[:limit]
    return text if any(map(_is_visible, text)) else None


def _is_unsafe_key(text: str) -> bool:
    return _REPLACEMENT in text or _UNWANTED.search(text) is not None


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK_LETTERS


def normalize_email(value: Any) -> str | None:
    """Return one email address in lower case, with an internationalised domain in its ASCII form, or None.

    So it is the same as at a sign-in by mail. A domain that has no such form stays as it is. An address that NFKC
    changes is refused, because it only looks like the normalized one (GHSA-7rqj-j65f-68wh).
    """
    if not isinstance(value, str) or len(value) > MAX_EMAIL or _is_unsafe_key(value):
        return None
    stripped = value.strip()
    address = stripped.lower()
    if not all(unicodedata.is_normalized("NFKC", text) for text in (stripped, address)):
        return None
    if any(unicodedata.category(character) == "Cf" for character in address):
        # Format characters are invisible, so two different addresses would look the same.
        return None
    if len(address) > MAX_EMAIL or not _ADDRESS.fullmatch(address):
        return None
    normalized = with_ascii_domain(address)
    return normalized if len(normalized) <= MAX_EMAIL else address
