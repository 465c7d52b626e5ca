"""Is this ID token what the provider says of the person who just came back, and of nobody and nothing else? (O3-O7)"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Protocol

from genkan.claims import normalize_subject
from genkan.crypto.jose import SIGNING_ALGORITHMS, NoMatchingKey, half_hash, verify
from genkan.errors import ProviderError
from genkan.oauth.discovery import Metadata
from genkan.providers.base import Provider
from genkan.strict_json import is_number

CLOCK_TOLERANCE = 60
"""Seconds a provider's clock may be off (F11)."""

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class KeySource(Protocol):
    """Where the provider's keys come from."""

    def __call__(self, *, force_refresh: bool) -> list[dict[str, Any]]:
        """Public JWKs; with `force_refresh` fetched now, or none when that would be too often."""


def check_id_token(
    provider: Provider, metadata: Metadata, tokens: Mapping[str, Any], nonce: str, keys: KeySource, now: float
) -> dict[str, Any]:
    """The claims of the ID token in a token response, after every check of OpenID Connect Core 3.1.3.7.

    The signature is verified always, though TLS to the token endpoint would let us skip it (O3). Raises
    ProviderError, or TokenError where the token itself is no token.
    """
    token = tokens.get("id_token")
    if not isinstance(token, str):
        raise ProviderError("no id_token in the token response")
    claims, algorithm = verify_signature(token, keys, metadata)
    if has_logout_event(claims):
        # It has the same issuer, audience and subject (Back-Channel Logout 1.0 section 4).
        raise ProviderError("a logout token in the place of an id token")
    check_issuer_and_audience(claims, provider, metadata)
    check_times(claims, now)
    _check_nonce(claims, nonce, provider)
    check_at_hash(claims, algorithm, tokens)
    check_subject(claims)
    return claims


def check_subject(claims: Mapping[str, Any]) -> str:
    """Whom the token is about, by the provider's id for them; ProviderError where it does not say so in a text."""
    subject = claims.get("sub")
    return normalize_subject(subject if isinstance(subject, str) else None)


def verify_signature(token: str, keys: KeySource, metadata: Metadata) -> tuple[dict[str, Any], str]:
    """The claims and the algorithm of a token that one of the provider's keys has signed; TokenError for any other."""
    # Metadata may narrow what we accept, never widen it (O4).
    algorithms = [
        name
        for name in SIGNING_ALGORITHMS
        if not metadata.id_token_signing_alg_values_supported or name in metadata.id_token_signing_alg_values_supported
    ]
    try:
        claims, algorithm = verify(token, keys(force_refresh=False), algorithms)
    except NoMatchingKey:
        # New key id, or a new key under an old one: ask once more, then believe what the answer says (F8).
        claims, algorithm = verify(token, keys(force_refresh=True), algorithms)
    return dict(claims), algorithm


def check_issuer_and_audience(claims: Mapping[str, Any], provider: Provider, metadata: Metadata) -> None:
    """Raise ProviderError unless the token is of this issuer and for this client."""
    if not metadata.is_issuer(claims.get("iss"), claims.get("tid")):
        raise ProviderError("token of another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if provider.client_id not in audiences:
        raise ProviderError("token for another client")
    party = claims.get("azp")
    if party != provider.client_id and (party is not None or len(audiences) > 1):
        raise ProviderError("token issued to another client")


def check_at_hash(claims: Mapping[str, Any], algorithm: str, tokens: Mapping[str, Any]) -> None:
    """Raise ProviderError when the token says that it came with another access token."""
    if "at_hash" in claims and claims["at_hash"] != half_hash(tokens["access_token"], algorithm):
        raise ProviderError("at_hash of another access token")


def has_logout_event(claims: Mapping[str, Any]) -> bool:
    """Whether the token is a logout token by its own words (Back-Channel Logout 1.0 section 2.4)."""
    events = claims.get("events")
    return isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict)


def check_times(claims: Mapping[str, Any], now: float) -> None:
    """Raise ProviderError unless the token says when it was made and until when it holds, and that is now."""
    if not is_number(claims.get("exp")) or not is_number(claims.get("iat")):
        raise ProviderError("token without exp or iat")
    if claims["exp"] <= now - CLOCK_TOLERANCE:
        raise ProviderError("token expired (clock skew?)")
    if claims["iat"] > now + CLOCK_TOLERANCE:
        raise ProviderError("token from the future (clock skew?)")
    not_before = claims.get("nbf", now)
    if not is_number(not_before) or not_before > now + CLOCK_TOLERANCE:
        raise ProviderError("token not valid yet (clock skew?)")


def _check_nonce(claims: Mapping[str, Any], nonce: str, provider: Provider) -> None:
    given = claims.get("nonce")
    if given is None and not provider.returns_nonce:
        return
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise ProviderError("id token of another sign-in")
