"""LinkedIn."""

from __future__ import annotations

from dataclasses import replace

from genkan.providers.base import ProfileUser, Provider, standard_claims
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """Convert LinkedIn's claims. `email_verified` is a string in its ID token."""
    verified = profile.get("email_verified")
    return replace(standard_claims(profile), email_verified=verified is True or verified == "true")


linkedin = Provider(
    id="linkedin",
    name="LinkedIn",
    type="oidc",
    issuer="https://www.linkedin.com/oauth",
    token_endpoint_auth_method="client_secret_post",
    # LinkedIn answers a verifier together with a secret with `invalid_client`, and does not support a nonce. Its codes are
    # protected by state, secret and the exact redirect URI only.
    pkce=False,
    returns_nonce=False,
    reauthentication_params={},
    profile=profile,
)
