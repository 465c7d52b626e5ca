"""ZITADEL."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

zitadel = Provider(
    id="zitadel",
    name="ZITADEL",
    type="oidc",
    issuer_is_built_in=False,
    issuer_example="https://INSTANCE.zitadel.cloud, without a slash at the end",
    # By default the profile is at userinfo alone, as OpenID Connect Core 5.4 has it for the code flow.
    fetch_userinfo=True,
    supports_max_age=True,
    profile=standard_claims,
)
