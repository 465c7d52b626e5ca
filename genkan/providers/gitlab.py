"""GitLab: gitlab.com, or one's own instance."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

gitlab = Provider(
    id="gitlab",
    name="GitLab",
    # OpenID Connect and not plain OAuth: only the claims say whether the address was verified. The subject is the
    # number of the user either way. The application at GitLab needs the scopes openid, profile and email.
    type="oidc",
    issuer="https://gitlab.com",
    allows_custom_issuer=True,
    issuer_example="https://gitlab.example.com, without a slash at the end",
    # The ID tokens of older instances have neither name nor picture.
    fetch_userinfo=True,
    supports_max_age=True,
    profile=standard_claims,
)
