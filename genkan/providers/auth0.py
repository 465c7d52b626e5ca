"""Auth0."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

auth0 = Provider(
    id="auth0",
    name="Auth0",
    type="oidc",
    issuer_is_built_in=False,
    # Discovery and tokens have the slash, for custom domains too.
    issuer_pattern=".*/",
    issuer_example="https://TENANT.auth0.com/, with the slash at the end",
    supports_max_age=True,
    profile=standard_claims,
)
