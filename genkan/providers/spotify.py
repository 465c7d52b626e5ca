"""Spotify, with OAuth 2.0."""

from __future__ import annotations

from typing import Any

from genkan.providers.base import ProfileUser, Provider
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """Convert Spotify's user. The subject is `account_id`, which never changes.

    `id` may change, and Spotify's documentation advises against storing it. Spotify does not verify email addresses,
    and sends none to applications in development mode.
    """
    return ProfileUser(
        id=profile.get("account_id"),
        name=profile.get("display_name"),
        email=profile.get("email"),
        image=_largest(profile.get("images")),
        email_verified=False,
    )


def _largest(images: Any) -> Any:
    pictures = [image for image in images if isinstance(image, dict)] if isinstance(images, list) else []
    return max(pictures, key=_width, default={}).get("url")


def _width(image: dict[str, Any]) -> int:
    width = image.get("width")
    return width if isinstance(width, int) else 0


spotify = Provider(
    id="spotify",
    name="Spotify",
    type="oauth",
    authorization_endpoint="https://accounts.spotify.com/authorize",
    token_endpoint="https://accounts.spotify.com/api/token",
    userinfo_endpoint="https://api.spotify.com/v1/me",
    scope="user-read-email",
    reauthentication_params={"show_dialog": "true"},
    profile=profile,
)
