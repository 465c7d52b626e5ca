"""What of the answer to a refresh takes the place of an account's tokens, and whether it is about the same person (O18)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from genkan.adapters import token_columns
from genkan.crypto.jose import unverified_claims
from genkan.errors import ProviderError, ReauthorizationRequired, TokenError
from genkan.oauth.discovery import Metadata
from genkan.oauth.id_token import KeySource, check_at_hash, check_issuer_and_audience, verify_signature
from genkan.providers.base import Provider
from genkan.types import Account

_log = logging.getLogger("genkan.oauth.client")


def merge_refreshed_tokens(
    provider: Provider, metadata: Metadata, account: Account, answer: Mapping[str, Any], keys: KeySource, now: float
) -> dict[str, Any]:
    """The account's tokens from now on: the answer's, and what it leaves unsaid as it was, but for the expiry.

    Raises ReconnectRequired when the answer brings an ID token that tells of somebody or something else.
    """
    tokens = {**account.tokens, **answer, "expires_at": expires_at(answer, now)}
    if "id_token" in answer:
        _check_sameness(answer["id_token"], account)
        if not _is_vouched_for(provider, metadata, answer, keys):
            tokens["id_token"] = account.tokens.get("id_token")
    return {name: value for name, value in token_columns(tokens).items() if value is not None}


def expires_at(answer: Mapping[str, Any], now: float) -> int | None:
    """When the access token of a token answer ends, in seconds since 1970; None where that is not said."""
    # By our clock; Authlib's reading counts where a moment is given instead of a time.
    return int(now) + int(answer["expires_in"]) if answer.get("expires_in") else answer.get("expires_at")


def _check_sameness(token: object, account: Account) -> None:
    # OpenID Connect Core 12.2. Before the signature, and whether or not that can be checked: what comes over TLS from
    # the provider itself is its own word.
    claims = _claims(token)
    if claims is None:
        raise ReauthorizationRequired(account.provider, "the id token is none")
    # Without the first ID token there is still whom it was about.
    before = _claims(account.tokens.get("id_token")) or {"sub": account.provider_account_id}
    for name in ("iss", "sub", "aud"):
        if name in before and _values(claims.get(name)) != _values(before[name]):
            raise ReauthorizationRequired(account.provider, f"{name} has changed")


def _is_vouched_for(provider: Provider, metadata: Metadata, answer: Mapping[str, Any], keys: KeySource) -> bool:
    try:
        claims, algorithm = verify_signature(answer["id_token"], keys, metadata)
        check_issuer_and_audience(claims, provider, metadata)
        check_at_hash(claims, algorithm, answer)
    except (OSError, ValueError, ProviderError, TokenError) as error:
        # The refresh token may be another one by now, so the answer counts; an ID token that failed is not kept.
        _log.warning("a new ID token was left out", extra={"provider": provider.id, "why": type(error).__name__})
        return False
    return True


def _claims(token: object) -> dict[str, Any] | None:
    try:
        return unverified_claims(token) if isinstance(token, str) else None
    except TokenError:
        return None


def _values(claim: object) -> list[str]:
    # One audience may be written with a list around it or without.
    return sorted(map(str, claim)) if isinstance(claim, list) else [str(claim)]
