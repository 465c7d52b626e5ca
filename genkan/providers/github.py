"""GitHub, with OAuth 2.0. Email addresses come from a second endpoint."""

from __future__ import annotations

from genkan.providers.base import ProfileUser, Provider
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """Convert GitHub's user. The email address is the primary one, if GitHub has verified it.

    The profile's own `email` is the address that the user publishes, which need not be verified.
    """
    emails = profile.get("emails")
    addresses = emails if isinstance(emails, list) else []
    primary = next(
        (
            address
            for address in addresses
            if isinstance(address, dict) and address.get("primary") is True and address.get("verified") is True
        ),
        {},
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
    # GitHub sends `iss` in the authorization response (RFC 9207), although it has no discovery.
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
