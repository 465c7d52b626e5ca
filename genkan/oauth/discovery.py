"""A provider's metadata and keys: asked for when needed, believed after checks, kept for a while (O5, O9, F2-F9)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from genkan import strict_json
from genkan.core import Core
from genkan.errors import ProviderError
from genkan.oauth.transport.adapters import is_allowed_url
from genkan.oauth.transport.deadline import deadline, remaining
from genkan.providers.base import DISCOVERY_PATH, Provider

METADATA_SECONDS = 3600
KEYS_SECONDS = 600
"""A key that its provider has withdrawn is refused after this time at the latest, while the provider answers (F9)."""
STALE_SECONDS = 6 * 3600
"""How long a good copy outlives a provider that has stopped answering (F3)."""
RETRY_AFTER_FAILURE = 30
"""A provider that did not answer is left alone for so long where there is a good copy: nobody waits for it twice."""
REFRESH_TIME_SHARE = 1 / 3
"""Of a visit's time for asking where there is a good copy: one that hangs leaves enough for what has none."""
MIN_FORCED_INTERVAL = 30
"""Keys are fetched out of turn at most this often, so that forged key ids cannot make us a flood (O5). Where workers share
no cache, each of them so often; and those that look in the same moment may ask together."""

_TENANT = re.compile(r"[0-9a-fA-F-]{36}")

_ANY = object()

_log = logging.getLogger("genkan.oauth.discovery")


HTTPGet = Callable[[str], tuple[int, bytes]]
"""Status and body of a GET; raises OSError when there is no answer."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself, in the parts that are used (OpenID Connect Discovery 3, RFC 8414)."""

    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None = None
    userinfo_endpoint: str | None = None
    jwks_uri: str | None = None
    end_session_endpoint: str | None = None
    multi_tenant_issuer: str | None = None
    authorization_response_iss_parameter_supported: bool = False
    """RFC 9207: its authorization responses name it."""
    id_token_signing_alg_values_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()

    def is_issuer(self, name: object, tenant: object = _ANY) -> bool:
        """Whether `name` is this provider, exactly; `tenant` is the ID token's `tid` where the issuer has a gap."""
        if self.multi_tenant_issuer is None:
            return self.issuer is not None and name == self.issuer
        if tenant is _ANY:
            before, _, after = self.multi_tenant_issuer.partition("{tenantid}")
            return isinstance(name, str) and name.startswith(before) and name.endswith(after)
        is_tenant = isinstance(tenant, str) and _TENANT.fullmatch(tenant) is not None
        return is_tenant and name == self.multi_tenant_issuer.replace("{tenantid}", str(tenant))


def fetch_metadata(provider: Provider, get: HTTPGet, options: Core) -> Metadata:
    """The provider's metadata: its own data for OAuth 2, discovered for OpenID Connect, at most an hour old.

    Raises ProviderError for a document that can't be believed and OSError for one that can't be had.
    """
    if provider.type == "oauth":
        return _own_data(provider)
    url = (provider.issuer or "").rstrip("/") + DISCOVERY_PATH

    def fetch() -> dict[str, Any]:
        document = _document(get, url)
        _check_document(document, provider)
        return document

    document = _kept(_metadata_key(provider), METADATA_SECONDS, fetch, options)
    return _metadata(document, provider)


def fetch_jwks(
    provider: Provider, metadata: Metadata, get: HTTPGet, options: Core, *, force_refresh: bool = False
) -> list[dict[str, Any]]:
    """The provider's public keys as JWKs, at most ten minutes old; with `force_refresh`, fetched now if that is not too soon.

    Raises like `fetch_metadata`.
    """
    key = f"keys:{provider.id}:{metadata.jwks_uri}"
    if force_refresh:
        if _is_within(MIN_FORCED_INTERVAL, options.cache.get(f"{key}:forced"), options):
            return []
        options.cache.set(f"{key}:forced", options.clock(), MIN_FORCED_INTERVAL)

    def fetch() -> dict[str, Any]:
        document = _document(get, metadata.jwks_uri or "")
        if not isinstance(document.get("keys"), list) or not document["keys"]:
            raise ProviderError("no keys in the key set")
        return document

    document = _kept(key, 0 if force_refresh else KEYS_SECONDS, fetch, options)
    return [jwk for jwk in document["keys"] if isinstance(jwk, dict)]


def _own_data(provider: Provider) -> Metadata:
    return Metadata(provider.authorization_endpoint or "", provider.token_endpoint or "", provider.issuer)


def _metadata_key(provider: Provider) -> str:
    return f"metadata:{provider.id}:{provider.issuer or ''}"


def _kept(key: str, fresh: int, fetch: Callable[[], dict[str, Any]], options: Core) -> dict[str, Any]:
    copy = _good_copy(key, options)
    rests = _is_within(RETRY_AFTER_FAILURE, copy.get("failed_at"), options)
    if fresh and (rests or _is_within(fresh, copy.get("at"), options)):
        return dict(copy["document"])
    can_wait = bool(copy and fresh)
    try:
        with deadline(remaining() * REFRESH_TIME_SHARE if can_wait else inf):
            document = fetch()
    except (OSError, ValueError, ProviderError) as error:
        if not can_wait:
            raise
        _log.warning("provider did not answer, its last good answer is kept", extra={"error": type(error).__name__})
        options.cache.set(key, {**copy, "failed_at": options.clock()}, STALE_SECONDS)
        return dict(copy["document"])
    options.cache.set(key, {"at": options.clock(), "document": document}, STALE_SECONDS)
    return document


def _good_copy(key: str, options: Core) -> dict[str, Any]:
    copy = options.cache.get(key)
    usable = isinstance(copy, dict) and isinstance(copy.get("document"), dict)
    return dict(copy) if usable and _is_within(STALE_SECONDS, copy.get("at"), options) else {}


def _is_within(seconds: float, moment: object, options: Core) -> bool:
    # Either way: a moment that is far ahead was written down before the clock was set back (F12).
    return strict_json.is_number(moment) and abs(options.clock() - moment) < seconds


def _document(get: HTTPGet, url: str) -> dict[str, Any]:
    status, body = get(url)
    if status != 200:
        raise OSError(f"answered {status}")
    return strict_json.loads_object(body)


def _check_document(document: Mapping[str, Any], provider: Provider) -> None:
    # Discovery 4.3: the issuer in the document MUST be the one it was asked of, to the letter (O9).
    found, expected = str(document.get("issuer")), provider.multi_tenant_issuer or provider.issuer or ""
    if found == f"{expected}/":
        variable = provider.variable("ISSUER")
        raise ProviderError(f"the discovery document's issuer ends with a slash: add it to the end of {variable}")
    if f"{found}/" == expected:
        variable = provider.variable("ISSUER")
        raise ProviderError(f"the discovery document's issuer has no slash at its end: remove it from {variable}")
    if document.get("issuer") != expected:
        raise ProviderError("the discovery document is of another issuer")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not _is_endpoint(document.get(name), provider.issuer):
            raise ProviderError(f"the discovery document has no usable {name}")


def _metadata(document: Mapping[str, Any], provider: Provider) -> Metadata:
    return Metadata(
        authorization_endpoint=document["authorization_endpoint"],
        token_endpoint=document["token_endpoint"],
        issuer=provider.issuer,
        userinfo_endpoint=_optional_url(document, "userinfo_endpoint", provider),
        jwks_uri=document["jwks_uri"],
        end_session_endpoint=_optional_url(document, "end_session_endpoint", provider),
        multi_tenant_issuer=provider.multi_tenant_issuer,
        authorization_response_iss_parameter_supported=document.get("authorization_response_iss_parameter_supported")
        is True,
        id_token_signing_alg_values_supported=_strings(document.get("id_token_signing_alg_values_supported")),
        token_endpoint_auth_methods_supported=_strings(document.get("token_endpoint_auth_methods_supported")),
    )


def _is_endpoint(value: object, issuer: str | None) -> bool:
    # A provider out there must not send us to a service on our own loopback.
    return isinstance(value, str) and is_allowed_url(value) and value.startswith((issuer or "").partition("//")[0])


def _optional_url(document: Mapping[str, Any], name: str, provider: Provider) -> str | None:
    value = document.get(name)
    return str(value) if _is_endpoint(value, provider.issuer) else None


def _strings(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
