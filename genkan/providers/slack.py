"""Slack, with "Sign in with Slack" (OpenID Connect)."""

from __future__ import annotations

from dataclasses import replace

from genkan.providers.base import ProfileUser, Provider, standard_claims
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """Convert Slack's claims.

    The subject is the user's id in one workspace and unique across workspaces. A user of two workspaces has two
    subjects.
    """
    sizes = ("512", "192", "72")
    pictures = [profile.get("picture"), *(profile.get(f"https://slack.com/user_image_{size}") for size in sizes)]
    return replace(standard_claims(profile), image=next((picture for picture in pictures if picture), None))


slack = Provider(
    id="slack",
    name="Slack",
    type="oidc",
    issuer="https://slack.com",
    # Slack supports PKCE for public clients only. Its OpenID token endpoint does not document `code_verifier` and was seen
    # to fail with one. The nonce protects the code instead (RFC 9700 section 2.1.1 allows either).
    pkce=False,
    reauthentication_params={},
    profile=profile,
)
