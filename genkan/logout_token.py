"""Is this logout token the provider's word, to us, that a session of theirs has ended? (Back-Channel Logout 1.0, O17)"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genkan.claims import MAX_SUBJECT
from genkan.discovery import Metadata
from genkan.errors import GenkanError, ProviderError, TokenError
from genkan.id_token import (
    CLOCK_TOLERANCE,
    Keys,
    check_parties,
    check_times,
    says_logout,
    subject_of,
    verify_signature,
)
from genkan.jose import MAX_TOKEN_CHARACTERS, claims_unchecked, type_of
from genkan.providers.base import Provider

LONGEST_LIFE = 24 * 3600
"""Seconds after which a token is over whatever it says of itself, so that what was used need not be known for ever."""

TYPES = frozenset({"logout+jwt", "jwt"})
"""The specification recommends the first; many providers write the second, or nothing. A token of another kind says so,
and none is mistaken for this one: it lacks the event."""


class WrongLogoutToken(GenkanError):
    """Not a logout token of this provider for us, or not one that holds now."""


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """What a logout token says; at least one of subject and session is there."""

    subject: str | None
    session: str | None
    """The provider's name for its session: the `sid` of the ID token it began with."""
    spent_id: str
    """What is written down when the token is used."""
    spent_until: float


def looks_like_one(token: str) -> bool:
    """Whether it is worth asking the provider for its keys, whoever may have made it."""
    try:
        return len(token) <= MAX_TOKEN_CHARACTERS and says_logout(claims_unchecked(token))
    except TokenError:
        return False


def check_logout_token(provider: Provider, metadata: Metadata, token: str, keys: Keys, now: float) -> LogoutToken:
    """What the token says, after every check of section 2.6 but whether it was used before.

    Raises WrongLogoutToken for a token that fails one, and what `keys` raises.
    """
    try:
        claims, _ = verify_signature(token, keys, metadata)
    except TokenError as error:
        raise WrongLogoutToken("not signed by the provider") from error
    _check_type(type_of(token))
    try:
        check_parties(claims, provider, metadata)
        check_times(claims, now)
        subject = subject_of(claims) if "sub" in claims else None
    except ProviderError as error:
        raise WrongLogoutToken(str(error)) from error
    return _read(claims, subject, provider, now)


def _read(claims: Mapping[str, Any], subject: str | None, provider: Provider, now: float) -> LogoutToken:
    if not says_logout(claims):
        raise WrongLogoutToken("no logout event")
    if "nonce" in claims:
        raise WrongLogoutToken("a nonce, which only ID tokens have")
    session = _text(claims, "sid")
    if subject is None and session is None:
        raise WrongLogoutToken("neither sub nor sid")
    end = min(claims["exp"], claims["iat"] + LONGEST_LIFE)
    if end <= now - CLOCK_TOLERANCE:
        raise WrongLogoutToken("made too long ago")
    name = _text(claims, "jti")
    if name is None:
        raise WrongLogoutToken("no jti")
    digest = hashlib.sha256(f"{provider.id} {name}".encode()).hexdigest()
    return LogoutToken(subject, session, f"logout:{digest}", end + CLOCK_TOLERANCE)


def _check_type(kind: object) -> None:
    # RFC 7515 4.1.9: the prefix may be left out, and names of media types know no case.
    if kind is not None and (not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TYPES):
        raise WrongLogoutToken("a token of another type")


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if name in claims and (not isinstance(value, str) or not 1 <= len(value) <= MAX_SUBJECT or not value.isprintable()):
        raise WrongLogoutToken(f"no usable {name}")
    return value
