"""Validation of ID tokens (OpenID Connect Core 3.1.3.7)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from genkan.claims import normalize_subject
from genkan.crypto.compact import SIGNING_ALGORITHMS, NoMatchingKey, half_hash
from genkan.errors import ProviderError
from genkan.providers.base import Provider
from genkan.strict_json import is_number

if TYPE_CHECKING:
    from genkan.oauth.discovery import Metadata

CLOCK_TOLERANCE = 60
"""Seconds that a provider's clock may differ from ours."""

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class KeySource(Protocol):
    """Source of a provider's keys."""

    def __call__(self, *, force_refresh: bool) -> list[dict[str, Any]]:
        """Return the public JWKs. With `force_refresh` they are fetched now, or empty if that would be too often."""


def check_id_token(
    provider: Provider, metadata: Metadata, tokens: Mapping[str, Any], nonce: str, keys: KeySource, now: float
) -> dict[str, Any]:
    """Return the claims of the ID token in a token response, after every check of OpenID Connect Core 3.1.3.7.

    The signature is always verified, although TLS to the token endpoint would allow to skip it. Raises ProviderError, or
    TokenError for a malformed token or an invalid signature.
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
    """Return the subject as text. Some providers send a number. Raises ProviderError for any other type."""
    return normalize_subject(claims.get("sub"))


def verify_signature(token: str, keys: KeySource, metadata: Metadata) -> tuple[dict[str, Any], str]:
    """Verify the signature with the provider's keys. Returns (claims, algorithm). Raises TokenError."""
    # Imported here, because every worker imports this module, and only a sign-in needs the JOSE library.
    from genkan.crypto.jose import verify  # noqa: PLC0415

    # The metadata may restrict our list of algorithms, never extend it.
    algorithms = [
        name
        for name in SIGNING_ALGORITHMS
        if not metadata.id_token_signing_alg_values_supported or name in metadata.id_token_signing_alg_values_supported
    ]
    try:
        claims, algorithm = verify(token, keys(force_refresh=False), algorithms)
    except NoMatchingKey:
        # A new key id, or a new key under an old id: fetch the keys once more.
        claims, algorithm = verify(token, keys(force_refresh=True), algorithms)
    return dict(claims), algorithm


def check_issuer_and_audience(claims: Mapping[str, Any], provider: Provider, metadata: Metadata) -> None:
    """Raise ProviderError unless the token is from this issuer and for this client."""
    if not metadata.is_issuer(claims.get("iss"), claims.get("tid")):
        raise ProviderError("token of another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if provider.client_id not in audiences:
        raise ProviderError("token for another client")
    # Without `azp` too, if there are several audiences: the provider signed the token for this client as well.
    if claims.get("azp") not in (None, provider.client_id):
        raise ProviderError("token issued to another client")


def check_at_hash(claims: Mapping[str, Any], algorithm: str, tokens: Mapping[str, Any]) -> None:
    """Raise ProviderError if `at_hash` belongs to another access token (OpenID Connect Core 3.1.3.6)."""
    if "at_hash" in claims and claims["at_hash"] != half_hash(tokens["access_token"], algorithm):
        raise ProviderError("at_hash of another access token")


def has_logout_event(claims: Mapping[str, Any]) -> bool:
    """Return True if the claims have the event of a logout token (Back-Channel Logout 1.0 2.4)."""
    events = claims.get("events")
    return isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict)


def check_times(claims: Mapping[str, Any], now: float) -> None:
    """Raise ProviderError unless `iat` and `exp` are present and the token is valid now."""
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
    claim = claims.get("nonce")
    if claim is None and not provider.returns_nonce:
        return
    if not isinstance(claim, str) or not hmac.compare_digest(claim.encode(), nonce.encode()):
        raise ProviderError("id token of another sign-in")
