"""Amazon Cognito user pools with a domain."""

from __future__ import annotations

from dataclasses import replace

from genkan.providers.base import ProfileUser, Provider, standard_claims
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """Convert Cognito's claims. A pool stores attributes as strings, so `email_verified` may be a string, too."""
    user = standard_claims(profile)
    names = [part for part in (profile.get("given_name"), profile.get("family_name")) if isinstance(part, str)]
    verified = profile.get("email_verified")
    return replace(
        user,
        # `name` is optional in a pool.
        name=profile.get("name") or " ".join(names) or user.name,
        email_verified=verified is True or verified == "true",
    )


cognito = Provider(
    id="cognito",
    name="Cognito",
    type="oidc",
    requires_issuer=True,
    issuer_pattern=".*/[^/]+_[^/]+",
    issuer_example="https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID, which is not the pool's domain",
    # The app client must allow all three. Cognito rejects a request with a scope that is not allowed.
    scope="openid profile email",
    profile=profile,
)
