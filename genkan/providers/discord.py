"""Discord: OAuth 2; pictures are named by a hash or, without one, by a rule."""

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
    """Discord's user. `verified` is about the address."""
    return ProfileUser(
        id=profile.get("id"),
        name=profile.get("global_name") or profile.get("username"),
        email=profile.get("email"),
        image=_picture(profile.get("id"), profile.get("avatar"), profile.get("discriminator")),
        email_verified=profile.get("verified") is True,
    )


def _picture(user_id: Any, avatar: Any, discriminator: Any) -> str | None:
    """The person's own picture (still, though theirs may move), or the one that Discord shows for them."""
    if not isinstance(user_id, str) or not _SNOWFLAKE.fullmatch(user_id):
        return None
    if isinstance(avatar, str) and _HASH.fullmatch(avatar):
        return f"{CDN}/avatars/{user_id}/{avatar}.png?size=128"
    if isinstance(discriminator, str) and _DISCRIMINATOR.fullmatch(discriminator):
        return f"{CDN}/embed/avatars/{int(discriminator) % 5}.png"
    # "0" stands for the names that are unique by themselves.
    return f"{CDN}/embed/avatars/{(int(user_id) >> 22) % 6}.png"


discord = Provider(
    id="discord",
    name="Discord",
    type="oauth",
    authorization_endpoint="https://discord.com/oauth2/authorize",
    token_endpoint="https://discord.com/api/oauth2/token",
    # Without a version the API answers as its oldest one, which is on its way out.
    userinfo_endpoint="https://discord.com/api/v10/users/@me",
    scope="identify email",
    reauthentication_params={"prompt": "consent"},
    profile=profile,
)
