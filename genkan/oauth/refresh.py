"""Merge the response to a refresh request into the account's tokens (RFC 6749 6, OpenID Connect Core 12.2)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from genkan.adapters import token_columns
from genkan.crypto.compact import unverified_claims
from genkan.errors import ProviderError, ReauthorizationRequired, TokenError
from genkan.oauth.discovery import Metadata
from genkan.oauth.id_token import KeySource, check_at_hash, check_issuer_and_audience, verify_signature
from genkan.oauth.token_response import expires_at
from genkan.providers.base import Provider
from genkan.types import Account

_log = logging.getLogger("genkan.oauth.client")


def merge_refreshed_tokens(
    provider: Provider, metadata: Metadata, account: Account, response: Mapping[str, Any], keys: KeySource, now: float
) -> dict[str, Any]:
    """Return the account's new tokens. What the response leaves out stays as it was, except for the expiry.

    Raises ReauthorizationRequired if the response has an ID token of another issuer, subject or client.
    """
    tokens = {**account.tokens, **response, "expires_at": expires_at(response, now)}
    if "id_token" in response:
        _check_same_subject(response["id_token"], account)
        if not _is_valid(provider, metadata, response, keys):
            tokens["id_token"] = account.tokens.get("id_token")
    return {name: value for name, value in token_columns(tokens).items() if value is not None}


def _check_same_subject(token: object, account: Account) -> None:
    # OpenID Connect Core 12.2. Independent of the signature: the response came from the provider over TLS.
    claims = _claims(token)
    if claims is None:
        raise ReauthorizationRequired(account.provider, "the id token is malformed")
    # If the first ID token was not stored, its subject was.
    before = _claims(account.tokens.get("id_token")) or {"sub": account.provider_account_id}
    for name in ("iss", "sub", "aud"):
        if name in before and _values(claims.get(name)) != _values(before[name]):
            raise ReauthorizationRequired(account.provider, f"{name} has changed")


def _is_valid(provider: Provider, metadata: Metadata, response: Mapping[str, Any], keys: KeySource) -> bool:
    try:
        claims, algorithm = verify_signature(response["id_token"], keys, metadata)
        check_issuer_and_audience(claims, provider, metadata)
        check_at_hash(claims, algorithm, response)
    except (OSError, ValueError, ProviderError, TokenError) as error:
        # The old refresh token may be used up, so the response counts. Only the invalid ID token is not stored.
        extra = {"provider": provider.id, "error": type(error).__name__}
        _log.warning("a refreshed ID token is invalid and was not stored", extra=extra)
        return False
    return True


def _claims(token: object) -> dict[str, Any] | None:
    try:
        return unverified_claims(token) if isinstance(token, str) else None
    except TokenError:
        return None


def _values(claim: object) -> list[str]:
    # A single audience may be a string or a list.
    return sorted(map(str, claim)) if isinstance(claim, list) else [str(claim)]
