"""Any OpenID Connect provider that supports discovery."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

oidc = Provider(
    id="oidc",
    name="OpenID Connect",
    type="oidc",
    requires_issuer=True,
    issuer_pattern=".*",
    # In the code flow the profile comes from userinfo (Core section 5.4). Many providers also put it into the ID token.
    fetch_userinfo=True,
    supports_max_age=True,
    profile=standard_claims,
)
