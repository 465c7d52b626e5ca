"""Discovery: a provider's metadata and signing keys, fetched when needed, validated and cached."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from genkan import strict_json
from genkan.cache.base import Cache
from genkan.crypto.sealer import Clock
from genkan.errors import ProviderError
from genkan.oauth.transport.deadline import deadline, remaining
from genkan.oauth.transport.limits import is_allowed_url
from genkan.providers.base import DISCOVERY_PATH, Provider

METADATA_SECONDS = 3600
"""Seconds. Older metadata is fetched again."""

KEYS_SECONDS = 600
"""Seconds. A withdrawn key is refused after this time at the latest, while the provider responds."""

STALE_SECONDS = 6 * 3600
"""Seconds for which a cached document is used while the provider does not respond."""

RETRY_AFTER_FAILURE = 30
"""Seconds. A provider that did not respond is not asked again for so long, if there is a cached document."""

REFRESH_TIME_SHARE = 1 / 3
"""Share of the remaining time to spend on a refresh while a cached document is still valid."""

MIN_FORCED_INTERVAL = 30
"""Seconds between two fetches of keys for an unknown key id, so that forged key ids can't cause many requests. Workers
without a shared cache count for themselves."""

_TENANT = re.compile(r"[0-9a-fA-F-]{36}")

_ANY = object()

_log = logging.getLogger("genkan.oauth.discovery")


HTTPGet = Callable[[str], tuple[int, bytes]]
"""Returns the status and the body of a GET request. Raises OSError if there is no response."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The parts of a provider's metadata that are used (OpenID Connect Discovery 3, RFC 8414)."""

    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None = None
    userinfo_endpoint: str | None = None
    jwks_uri: str | None = None
    end_session_endpoint: str | None = None
    multi_tenant_issuer: str | None = None
    authorization_response_iss_parameter_supported: bool = False
    """True if authorization responses have an `iss` parameter (RFC 9207)."""
    id_token_signing_alg_values_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()

    def is_issuer(self, name: object, tenant: object = _ANY) -> bool:
        """Return True if `name` is exactly this issuer.

        `tenant` is the `tid` of an ID token. It fills the gap in the issuer of a multi-tenant provider.
        """
        if self.multi_tenant_issuer is None:
            return self.issuer is not None and name == self.issuer
        if tenant is _ANY:
            before, _, after = self.multi_tenant_issuer.partition("{tenantid}")
            return isinstance(name, str) and name.startswith(before) and name.endswith(after)
        is_tenant = isinstance(tenant, str) and _TENANT.fullmatch(tenant) is not None
        return is_tenant and name == self.multi_tenant_issuer.replace("{tenantid}", str(tenant))


@dataclass(frozen=True, slots=True)
class Discovery:
    """Fetches and caches metadata and keys."""

    cache: Cache
    clock: Clock

    def metadata(self, provider: Provider, get: HTTPGet) -> Metadata:
        """Return the provider's metadata, at most an hour old. An OAuth 2.0 provider's own data needs no request.

        Raises ProviderError for an invalid document, OSError if there is no response.
        """
        if provider.type == "oauth":
            return Metadata(provider.authorization_endpoint or "", provider.token_endpoint or "", provider.issuer)
        url = (provider.issuer or "").rstrip("/") + DISCOVERY_PATH

        def fetch() -> dict[str, Any]:
            document = _fetch(get, url)
            _check_document(document, provider)
            return document

        key = f"metadata:{provider.id}:{provider.issuer or ''}"
        return _to_metadata(self._cached(key, METADATA_SECONDS, fetch), provider)

    def jwks(
        self, provider: Provider, metadata: Metadata, get: HTTPGet, *, force_refresh: bool = False
    ) -> list[dict[str, Any]]:
        """Return the provider's public keys as JWKs, at most ten minutes old.

        With `force_refresh` they are fetched now. The list is then empty if that happened less than MIN_FORCED_INTERVAL
        seconds ago. Raises like `metadata`.
        """
        key = f"keys:{provider.id}:{metadata.jwks_uri}"
        if force_refresh:
            if self._is_within(MIN_FORCED_INTERVAL, self.cache.get(f"{key}:forced")):
                return []
            self.cache.set(f"{key}:forced", self.clock(), MIN_FORCED_INTERVAL)

        def fetch() -> dict[str, Any]:
            document = _fetch(get, metadata.jwks_uri or "")
            if not isinstance(document.get("keys"), list) or not document["keys"]:
                raise ProviderError("no keys in the key set")
            return document

        document = self._cached(key, 0 if force_refresh else KEYS_SECONDS, fetch)
        return [jwk for jwk in document["keys"] if isinstance(jwk, dict)]

    def _cached(self, key: str, max_age: int, fetch: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        entry = self._entry(key)
        failed_lately = self._is_within(RETRY_AFTER_FAILURE, entry.get("failed_at"))
        if max_age and (failed_lately or self._is_within(max_age, entry.get("at"))):
            return dict(entry["document"])
        has_fallback = bool(entry and max_age)
        try:
            with deadline(remaining() * REFRESH_TIME_SHARE if has_fallback else inf):
                document = fetch()
        except (OSError, ValueError, ProviderError) as error:
            if not has_fallback:
                raise
            _log.warning("provider did not respond, using cached document", extra={"error": type(error).__name__})
            self.cache.set(key, {**entry, "failed_at": self.clock()}, STALE_SECONDS)
            return dict(entry["document"])
        self.cache.set(key, {"at": self.clock(), "document": document}, STALE_SECONDS)
        return document

    def _entry(self, key: str) -> dict[str, Any]:
        entry = self.cache.get(key)
        is_usable = isinstance(entry, dict) and isinstance(entry.get("document"), dict)
        return dict(entry) if is_usable and self._is_within(STALE_SECONDS, entry.get("at")) else {}

    def _is_within(self, seconds: float, time: object) -> bool:
        # In both directions: a time in the future was stored before the clock was set back.
        return strict_json.is_number(time) and abs(self.clock() - time) < seconds


def _fetch(get: HTTPGet, url: str) -> dict[str, Any]:
    status, body = get(url)
    if status != 200:
        raise OSError(f"status {status}")
    return strict_json.loads_object(body)


def _check_document(document: Mapping[str, Any], provider: Provider) -> None:
    # OpenID Connect Discovery 4.3: the issuer in the document must be exactly the one that was asked.
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


def _to_metadata(document: Mapping[str, Any], provider: Provider) -> Metadata:
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
    # A provider on the network must not send us to a service on our own loopback interface.
    return isinstance(value, str) and is_allowed_url(value) and value.startswith((issuer or "").partition("//")[0])


def _optional_url(document: Mapping[str, Any], name: str, provider: Provider) -> str | None:
    value = document.get(name)
    return str(value) if _is_endpoint(value, provider.issuer) else None


def _strings(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
