"""GitLab: gitlab.com or a self-managed instance."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

gitlab = Provider(
    id="gitlab",
    name="GitLab",
    # OpenID Connect, because only its claims say whether the email address is verified. The subject is the user's number,
    # as with OAuth. The application at GitLab needs the scopes openid, profile and email.
    type="oidc",
    issuer="https://gitlab.com",
    allows_custom_issuer=True,
    issuer_example="https://gitlab.example.com, without a slash at the end",
    # ID tokens of older instances contain neither name nor picture.
    fetch_userinfo=True,
    supports_max_age=True,
    profile=standard_claims,
)
