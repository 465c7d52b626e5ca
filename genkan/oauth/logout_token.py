"""Is this logout token the provider's word, to us, that a session of theirs has ended? (Back-Channel Logout 1.0, O17)"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genkan.claims import MAX_SUBJECT
from genkan.crypto.jose import MAX_TOKEN_CHARACTERS, header_type, unverified_claims
from genkan.errors import GenkanError, ProviderError, TokenError
from genkan.oauth.discovery import Metadata
from genkan.oauth.id_token import (
    CLOCK_TOLERANCE,
    KeySource,
    check_issuer_and_audience,
    check_subject,
    check_times,
    has_logout_event,
    verify_signature,
)
from genkan.providers.base import Provider

MAX_AGE = 24 * 3600
"""Seconds after which a token is over whatever it says of itself, so that what was used need not be known for ever."""

TYPES = frozenset({"logout+jwt", "jwt"})
"""The specification recommends the first; many providers write the second, or nothing. A token of another kind says so,
and none is mistaken for this one: it lacks the event."""


class InvalidLogoutToken(GenkanError):
    """Not a logout token of this provider for us, or not one that holds now."""


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """What a logout token says; at least one of subject and session is there."""

    subject: str | None
    sid: str | None
    """The provider's name for its session: the `sid` of the ID token it began with."""
    one_time_id: str
    """What is written down when the token is used."""
    expires: float


def may_be_logout_token(token: str) -> bool:
    """Whether it is worth asking the provider for its keys, whoever may have made it."""
    try:
        return len(token) <= MAX_TOKEN_CHARACTERS and has_logout_event(unverified_claims(token))
    except TokenError:
        return False


def check_logout_token(provider: Provider, metadata: Metadata, token: str, keys: KeySource, now: float) -> LogoutToken:
    """What the token says, after every check of section 2.6 but whether it was used before.

    Raises WrongLogoutToken for a token that fails one, and what `keys` raises.
    """
    try:
        claims, _ = verify_signature(token, keys, metadata)
    except TokenError as error:
        raise InvalidLogoutToken("not signed by the provider") from error
    _check_type(header_type(token))
    try:
        check_issuer_and_audience(claims, provider, metadata)
        check_times(claims, now)
        subject = check_subject(claims) if "sub" in claims else None
    except ProviderError as error:
        raise InvalidLogoutToken(str(error)) from error
    return _read(claims, subject, provider, now)


def _read(claims: Mapping[str, Any], subject: str | None, provider: Provider, now: float) -> LogoutToken:
    if not has_logout_event(claims):
        raise InvalidLogoutToken("no logout event")
    if "nonce" in claims:
        raise InvalidLogoutToken("a nonce, which only ID tokens have")
    session = _text(claims, "sid")
    if subject is None and session is None:
        raise InvalidLogoutToken("neither sub nor sid")
    end = min(claims["exp"], claims["iat"] + MAX_AGE)
    if end <= now - CLOCK_TOLERANCE:
        raise InvalidLogoutToken("made too long ago")
    name = _text(claims, "jti")
    if name is None:
        raise InvalidLogoutToken("no jti")
    digest = hashlib.sha256(f"{provider.id} {name}".encode()).hexdigest()
    return LogoutToken(subject, session, f"logout:{digest}", end + CLOCK_TOLERANCE)


def _check_type(kind: object) -> None:
    # RFC 7515 4.1.9: the prefix may be left out, and names of media types know no case.
    if kind is not None and (not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TYPES):
        raise InvalidLogoutToken("a token of another type")


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if name in claims and (not isinstance(value, str) or not 1 <= len(value) <= MAX_SUBJECT or not value.isprintable()):
        raise InvalidLogoutToken(f"no usable {name}")
    return value
