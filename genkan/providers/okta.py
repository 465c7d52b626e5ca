"""Okta: the organization's authorization server, or a custom one (`/oauth2/default`)."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

okta = Provider(
    id="okta",
    name="Okta",
    type="oidc",
    requires_issuer=True,
    issuer_example="https://ORG.okta.com or https://ORG.okta.com/oauth2/default, without a slash at the end",
    # An ID token that Okta issues together with an access token lacks part of the profile, which userinfo has.
    fetch_userinfo=True,
    supports_max_age=True,
    profile=standard_claims,
)
