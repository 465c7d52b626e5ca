"""Amazon Cognito: a user pool with a domain."""

from __future__ import annotations

from dataclasses import replace

from genkan.providers.base import ProfileUser, Provider, standard_claims
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """Cognito's claims. Attributes are strings in a pool, so `email_verified` may come as one."""
    user = standard_claims(profile)
    names = [part for part in (profile.get("given_name"), profile.get("family_name")) if isinstance(part, str)]
    verified = profile.get("email_verified")
    return replace(
        user,
        # A pool asks nobody for `name`, which the standard has to be there.
        name=profile.get("name") or " ".join(names) or user.name,
        email_verified=verified is True or verified == "true",
    )


cognito = Provider(
    id="cognito",
    name="Cognito",
    type="oidc",
    issuer_is_built_in=False,
    issuer_pattern=".*/[^/]+_[^/]+",
    issuer_example="https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID, which is not the pool's domain",
    # All three must be allowed for the app client: Cognito refuses the whole request for one that is not.
    scope="openid profile email",
    profile=profile,
)
