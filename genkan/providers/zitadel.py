"""ZITADEL."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

zitadel = Provider(
    id="zitadel",
    name="ZITADEL",
    type="oidc",
    requires_issuer=True,
    issuer_example="https://INSTANCE.zitadel.cloud, without a slash at the end",
    # By default the profile is in userinfo only (OpenID Connect Core section 5.4).
    fetch_userinfo=True,
    supports_max_age=True,
    profile=standard_claims,
)
