"""Discord, with OAuth 2.0."""

from __future__ import annotations

import re
from typing import Any

from genkan.providers.base import ProfileUser, Provider
from genkan.types import Profile

CDN = "https://cdn.discordapp.com"

_SNOWFLAKE = re.compile(r"[0-9]{1,20}")
_DISCRIMINATOR = re.compile(r"[0-9]{4}")
_HASH = re.compile(r"[0-9A-Za-z_]{1,64}")


def profile(profile: Profile) -> ProfileUser:
    """Convert Discord's user. `verified` refers to the email address."""
    return ProfileUser(
        id=profile.get("id"),
        name=profile.get("global_name") or profile.get("username"),
        email=profile.get("email"),
        image=_picture(profile.get("id"), profile.get("avatar"), profile.get("discriminator")),
        email_verified=profile.get("verified") is True,
    )


def _picture(user_id: Any, avatar: Any, discriminator: Any) -> str | None:
    """Return the URL of the user's avatar as a still image, or of Discord's default avatar for the user."""
    if not isinstance(user_id, str) or not _SNOWFLAKE.fullmatch(user_id):
        return None
    if isinstance(avatar, str) and _HASH.fullmatch(avatar):
        return f"{CDN}/avatars/{user_id}/{avatar}.png?size=128"
    if isinstance(discriminator, str) and _DISCRIMINATOR.fullmatch(discriminator):
        return f"{CDN}/embed/avatars/{int(discriminator) % 5}.png"
    # The discriminator "0" marks the newer unique usernames.
    return f"{CDN}/embed/avatars/{(int(user_id) >> 22) % 6}.png"


discord = Provider(
    id="discord",
    name="Discord",
    type="oauth",
    authorization_endpoint="https://discord.com/oauth2/authorize",
    token_endpoint="https://discord.com/api/oauth2/token",
    # Without a version Discord uses its oldest, deprecated API.
    userinfo_endpoint="https://discord.com/api/v10/users/@me",
    scope="identify email",
    reauthentication_params={"prompt": "consent"},
    profile=profile,
)
