"""Any provider that speaks OpenID Connect and has discovery."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

oidc = Provider(
    id="oidc",
    name="OpenID Connect",
    type="oidc",
    issuer_is_built_in=False,
    issuer_pattern=".*",
    # Core 5.4 leaves the profile to userinfo in the code flow; many put it into the ID token too, strict ones do not.
    fetch_userinfo=True,
    supports_max_age=True,
    profile=standard_claims,
)
