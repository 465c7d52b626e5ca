"""LinkedIn."""

from __future__ import annotations

from dataclasses import replace

from genkan.providers.base import ProfileUser, Provider, standard_claims
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """LinkedIn's claims; its ID token spells `email_verified` as a string."""
    verified = profile.get("email_verified")
    return replace(standard_claims(profile), email_verified=verified is True or verified == "true")


linkedin = Provider(
    id="linkedin",
    name="LinkedIn",
    type="oidc",
    issuer="https://www.linkedin.com/oauth",
    token_endpoint_auth_method="client_secret_post",
    # LinkedIn answers a verifier beside a secret with `invalid_client`, whether a challenge went before it or not,
    # and knows no nonce: state, secret and the exact redirect URI are all that guard its codes.
    pkce=False,
    returns_nonce=False,
    reauthentication_params={},
    profile=profile,
)
