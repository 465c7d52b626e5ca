"""Okta: the organisation's own authorization server, or a custom one (`/oauth2/default`)."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

okta = Provider(
    id="okta",
    name="Okta",
    type="oidc",
    issuer_is_built_in=False,
    issuer_example="https://ORG.okta.com or https://ORG.okta.com/oauth2/default, without a slash at the end",
    # An ID token that comes with an access token is thin at Okta: part of the profile is left to userinfo.
    fetch_userinfo=True,
    supports_max_age=True,
    profile=standard_claims,
)
