"""What a provider says of somebody, typed and cleaned before we keep it or show it (O11)."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from genkan.errors import ProviderError
from genkan.http.urls import is_http_url
from genkan.providers.base import ProfileUser
from genkan.types import User

MAX_NAME = 200
MAX_EMAIL = 254
"""RFC 5321 4.5.3.1.3: a path of 256 octets less its angle brackets."""
MAX_SUBJECT = 255
"""OpenID Connect Core 2: `sub` MUST NOT exceed 255 ASCII characters."""

# Controls (NUL, line ends, ANSI escapes), the marks that turn the direction of text, and what
# takes the place of bytes that are no character, so that no two subjects become one.
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]")
# Unicode counts them as letters and signs, and every font leaves them empty.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_ADDRESS = re.compile(r"[^@\s\"<>,;:\\()\[\]]+@[^@\s\"<>,;:\\()\[\]]+")


def to_user(profile: ProfileUser, now: float) -> User:
    """A user with a fresh id and clean fields; nothing of the wrong type gets through.

    `now` (seconds since 1970) is when the address counts as verified, if the provider vouches for it.
    """
    email = normalize_email(profile.email)
    return User(
        id=str(uuid4()),
        name=normalize_text(profile.name, MAX_NAME),
        email=email,
        image=profile.image if isinstance(profile.image, str) and is_http_url(profile.image) else None,
        email_verified=datetime.fromtimestamp(now, UTC) if email and profile.email_verified is True else None,
    )


def normalize_subject(value: Any) -> str:
    """The provider's id of somebody: 1 to 255 characters, no controls; numbers become their decimal form.

    Raises ProviderError: an account cannot be kept under anything else (O6).
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 1 <= len(text) <= MAX_SUBJECT or _UNWANTED.search(text):
        raise ProviderError("no usable subject")
    return text


def normalize_text(value: Any, limit: int) -> str | None:
    """At most `limit` characters of a string without controls; None for anything else and where nothing is to be seen."""
    if not isinstance(value, str):
        return None
    text = _UNWANTED.sub("", value[: 4 * limit]).strip()[:limit]
    return text if any(map(_is_visible, text)) else None


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK_LETTERS


def normalize_email(value: Any) -> str | None:
    """One address in lower case, or None: normalised first, judged after (GHSA-7rqj-j65f-68wh)."""
    if not isinstance(value, str) or len(value) > MAX_EMAIL or _UNWANTED.search(value):
        return None
    address = unicodedata.normalize("NFKC", value).strip().lower()
    if any(unicodedata.category(character) == "Cf" for character in address):
        # Invisible, so that two addresses would look the same.
        return None
    return address if len(address) <= MAX_EMAIL and _ADDRESS.fullmatch(address) else None
