"""GitHub: OAuth 2, with the address asked for separately."""

from __future__ import annotations

from genkan.providers.base import ProfileUser, Provider
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """GitHub's user; the address is the primary one, and only if GitHub has verified it.

    The profile's own `email` is whatever the person chose to publish and proves nothing.
    """
    emails = profile.get("emails")
    addresses = emails if isinstance(emails, list) else []
    primary = next(
        (a for a in addresses if isinstance(a, dict) and a.get("primary") is True and a.get("verified") is True), {}
    )
    return ProfileUser(
        id=profile.get("id"),
        name=profile.get("name") or profile.get("login"),
        email=primary.get("email"),
        image=profile.get("avatar_url"),
        email_verified=bool(primary),
    )


github = Provider(
    id="github",
    name="GitHub",
    type="oauth",
    # GitHub names itself in the callback (RFC 9207) though it has no discovery.
    issuer="https://github.com/login/oauth",
    authorization_endpoint="https://github.com/login/oauth/authorize",
    token_endpoint="https://github.com/login/oauth/access_token",
    userinfo_endpoint="https://api.github.com/user",
    extra_userinfo_endpoints={"emails": "https://api.github.com/user/emails"},
    scope="read:user user:email",
    token_endpoint_auth_method="client_secret_post",
    reauthentication_params={"prompt": "select_account"},
    profile=profile,
)
