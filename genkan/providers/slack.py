"""Slack: "Sign in with Slack", which is OpenID Connect."""

from __future__ import annotations

from dataclasses import replace

from genkan.providers.base import ProfileUser, Provider, standard_claims
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """Slack's claims. The subject is the id of the user in one workspace (the same as `https://slack.com/user_id`)
    and unique across workspaces; somebody in two of them is two people."""
    sizes = ("512", "192", "72")
    pictures = [profile.get("picture"), *(profile.get(f"https://slack.com/user_image_{size}") for size in sizes)]
    return replace(standard_claims(profile), image=next((picture for picture in pictures if picture), None))


slack = Provider(
    id="slack",
    name="Slack",
    type="oidc",
    issuer="https://slack.com",
    # Slack knows PKCE only for applications declared public; its OpenID token endpoint documents no verifier and was seen
    # to fail at one, with a secret and without. The nonce guards the code instead (RFC 9700 2.1.1 allows either).
    pkce=False,
    reauthentication_params={},
    profile=profile,
)
