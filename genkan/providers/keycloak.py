"""Keycloak."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

keycloak = Provider(
    id="keycloak",
    name="Keycloak",
    type="oidc",
    requires_issuer=True,
    issuer_pattern=".*/realms/[^/]+",
    issuer_example="https://HOST/realms/REALM, without a slash at the end",
    supports_max_age=True,
    profile=standard_claims,
)
