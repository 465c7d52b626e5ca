"""A user's profile from the provider's endpoints: userinfo (OpenID Connect Core 5.3), and those of OAuth 2.0 providers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from genkan import strict_json
from genkan.claims import normalize_subject
from genkan.errors import ProviderError, ProviderUnavailable
from genkan.oauth.discovery import Metadata
from genkan.oauth.id_token import KeySource, verify_signature
from genkan.providers.base import Provider
from genkan.types import Profile

ID_TOKEN_ONLY_CLAIMS = frozenset({"auth_time", "sid"})
"""Claims about the sign-in. They count in the ID token only, not in a userinfo response."""

Fetch = Callable[[str], tuple[int, bytes]]
"""Returns the status and the body of a GET request with the access token. Raises OSError if there is no response."""

_log = logging.getLogger("genkan.oauth.client")


def add_userinfo(
    claims: Mapping[str, Any], provider: Provider, metadata: Metadata, fetch: Fetch, keys: KeySource
) -> Profile:
    """Return the claims of the ID token with those of userinfo.

    Raises ProviderError if the response is invalid or about another subject, ProviderUnavailable if there is none.
    """
    userinfo = _read_userinfo(_get(metadata.userinfo_endpoint or "", fetch), provider, metadata, keys)
    # OpenID Connect Core 5.3.2: a response about another subject must not be used.
    if normalize_subject(userinfo.get("sub")) != normalize_subject(claims["sub"]):
        raise ProviderError("userinfo of another subject")
    # `email_verified` counts only from the response that has the address.
    source = userinfo if "email" in userinfo else claims
    added = {name: value for name, value in userinfo.items() if name not in ID_TOKEN_ONLY_CLAIMS}
    return {**claims, **added, **{name: source.get(name) for name in provider.email_verified_claims}}


def oauth_profile(provider: Provider, fetch: Fetch) -> Profile:
    """Return the profile of an OAuth 2.0 provider. A further endpoint that refuses, or sends no JSON, is left out.

    Raises ProviderError if the profile is invalid, ProviderUnavailable if an endpoint does not respond.
    """
    profile = _read_json(_get(provider.userinfo_endpoint or "", fetch))
    if not isinstance(profile, dict):
        raise ProviderError("the profile is not an object")
    further = {name: _optional(provider, name, fetch) for name in provider.extra_userinfo_endpoints}
    return {**profile, **further}


def _optional(provider: Provider, name: str, fetch: Fetch) -> Any:
    # A response that is missing for the moment ends the sign-in: a new user without an address would be created, and the
    # address would not lead to the user whom it belongs to.
    try:
        return _read_json(_get(provider.extra_userinfo_endpoints[name], fetch))
    except ProviderError as error:
        remedy = f"Give the application the permission to read `{name}` at {provider.name}, if it needs them."
        _log.warning("%s sent no %s (%s). %s", provider.name, name, error, remedy, extra={"provider": provider.id})
        return None


def _get(url: str, fetch: Fetch) -> bytes:
    status, body = fetch(url)
    if status >= 500 or status == 429:
        raise ProviderUnavailable(f"profile: {status}")
    if status != 200:
        raise ProviderError(f"profile: {status}")
    return body


def _read_json(body: bytes) -> Any:
    try:
        return strict_json.loads(body)
    except ValueError:
        raise ProviderError("the profile is not JSON") from None


def _read_userinfo(body: bytes, provider: Provider, metadata: Metadata, keys: KeySource) -> Mapping[str, Any]:
    parts = body.strip().split(b".")
    if not body.lstrip().startswith(b"{") and len(parts) == 5:
        raise ProviderError("userinfo is encrypted: let the provider send it as JSON or as a signed JWT")
    if not body.lstrip().startswith(b"{") and len(parts) == 3 and body.isascii():
        return _read_signed(body.strip().decode(), provider, metadata, keys)
    userinfo = _read_json(body)
    if not isinstance(userinfo, dict):
        raise ProviderError("userinfo is not an object")
    return userinfo


def _read_signed(token: str, provider: Provider, metadata: Metadata, keys: KeySource) -> Mapping[str, Any]:
    # The provider may sign userinfo with another algorithm than ID tokens.
    claims, _ = verify_signature(token, keys, replace(metadata, id_token_signing_alg_values_supported=()))
    # OpenID Connect Core 5.3.2: `iss` and `aud` should be there.
    audience = claims.get("aud", provider.client_id)
    if "iss" in claims and not metadata.is_issuer(claims["iss"], claims.get("tid")):
        raise ProviderError("userinfo of another issuer")
    if provider.client_id not in (audience if isinstance(audience, list) else [audience]):
        raise ProviderError("userinfo for another client")
    return claims
