"""Auth0."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

auth0 = Provider(
    id="auth0",
    name="Auth0",
    type="oidc",
    requires_issuer=True,
    # The issuer ends with a slash in discovery and tokens, also for custom domains.
    issuer_pattern=".*/",
    issuer_example="https://TENANT.auth0.com/, with the slash at the end",
    supports_max_age=True,
    profile=standard_claims,
)
