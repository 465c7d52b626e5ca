"""Validation of logout tokens (OpenID Connect Back-Channel Logout 1.0 2.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genkan.claims import MAX_SUBJECT
from genkan.crypto.compact import MAX_TOKEN_CHARACTERS, header_type, unverified_claims
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
"""Seconds. An older token is refused whatever its `exp`, so that used tokens need not be stored for longer."""

TYPES = frozenset({"logout+jwt", "jwt"})
"""Accepted values of `typ`. The specification recommends the first. Many providers send the second or none. A token of
another kind lacks the logout event."""


class InvalidLogoutToken(GenkanError):
    """The token is not a valid logout token of this provider for this client."""


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """A validated logout token. At least one of `subject` and `sid` is present."""

    subject: str | None
    sid: str | None
    """The id of the provider's session, as in the `sid` of an ID token."""
    one_time_id: str
    """The id that is stored when the token is used."""
    expires: float
    """Seconds since 1970."""


def may_be_logout_token(token: str) -> bool:
    """Return True if the unverified token looks like a logout token, so that the keys are worth a request."""
    try:
        return len(token) <= MAX_TOKEN_CHARACTERS and has_logout_event(unverified_claims(token))
    except TokenError:
        return False


def check_logout_token(provider: Provider, metadata: Metadata, token: str, keys: KeySource, now: float) -> LogoutToken:
    """Validate a logout token by every check of section 2.6, except whether it was used before.

    Raises InvalidLogoutToken, and what `keys` raises.
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
    sid = _string(claims, "sid")
    if subject is None and sid is None:
        raise InvalidLogoutToken("neither sub nor sid")
    expires = min(claims["exp"], claims["iat"] + MAX_AGE)
    if expires <= now - CLOCK_TOLERANCE:
        raise InvalidLogoutToken("issued too long ago")
    jti = _string(claims, "jti")
    if jti is None:
        raise InvalidLogoutToken("no jti")
    digest = hashlib.sha256(f"{provider.id} {jti}".encode()).hexdigest()
    return LogoutToken(subject, sid, f"logout:{digest}", expires + CLOCK_TOLERANCE)


def _check_type(typ: object) -> None:
    # RFC 7515 4.1.9: the prefix may be left out, and media types are case-insensitive.
    if typ is not None and (not isinstance(typ, str) or typ.lower().removeprefix("application/") not in TYPES):
        raise InvalidLogoutToken("a token of another type")


def _string(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if name in claims and (not isinstance(value, str) or not 1 <= len(value) <= MAX_SUBJECT or not value.isprintable()):
        raise InvalidLogoutToken(f"invalid {name}")
    return value
