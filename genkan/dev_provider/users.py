"""Users of the development provider: a few preset ones, and one that is typed into the form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genkan.http.urls import is_http_url

# An authorization code contains the user and is part of a URL. Many servers refuse request lines over 4 kB.
MAX_NAME, MAX_EMAIL, MAX_PICTURE = 100, 254, 512

_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,189}")


class InvalidUser(ValueError):
    """Invalid input for a user. The message says what to change and may be shown."""


@dataclass(frozen=True, slots=True)
class DevUser:
    """User that the provider can sign in."""

    email: str
    name: str | None = None
    picture: str | None = None
    email_verified: bool = True

    @property
    def subject(self) -> str:
        """Return the `sub` claim. It depends on the e-mail address, in lower case, and on whether it is verified.

        So a user with an unverified address is not the one with the verified address. Machine and secret do not count.
        """
        kind = "genkan-development" if self.email_verified else "genkan-development unverified"
        return hashlib.sha256(f"{kind} {self.email.lower()}".encode()).hexdigest()[:32]

    def claims(self, scope: str) -> dict[str, Any]:
        """Return the claims for a scope (OIDC Core 5.4), without those that have no value."""
        scopes = scope.split()
        claims: dict[str, Any] = {"sub": self.subject}
        if "email" in scopes:
            claims |= {"email": self.email, "email_verified": self.email_verified}
        if "profile" in scopes:
            claims |= {"name": self.name, "picture": self.picture}
        return {name: value for name, value in claims.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Authentication:
    """User and time of the authentication (Unix time), which a refresh must not change (OIDC Core 12.2)."""

    user: DevUser
    auth_time: int

    def to_claims(self) -> dict[str, Any]:
        """Return the claims for an encrypted token."""
        user = self.user
        return {"user": [user.email, user.name, user.picture, user.email_verified], "auth_time": self.auth_time}

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> Authentication:
        """Return the authentication that `to_claims` wrote."""
        return cls(DevUser(*claims["user"]), claims["auth_time"])


@dataclass(frozen=True, slots=True)
class PresetUser:
    """User that can be chosen without typing. Each one shows another case that an application has to render."""

    key: str
    name: str
    email: str
    note: str
    picture: str | None = None
    """Name of a file below the provider's `pictures/`."""
    colour: str = "#5b6b7f"
    """Background of the picture."""
    email_verified: bool = True

    def user(self, issuer: str) -> DevUser:
        """Return the user, with the absolute URL of the picture."""
        picture = self.picture and f"{issuer}/pictures/{self.picture}"
        return DevUser(self.email, self.name, picture, self.email_verified)


PRESETS = {
    preset.key: preset
    for preset in (
        PresetUser("hana", "Hana Example", "hana@example.com", "has a picture", "hana.svg", "#2f7d6b"),
        PresetUser("zoe", "Zoë Příkladová", "zoe@example.com", "a name beyond ASCII", "zoe.svg", "#8a4f9e"),
        PresetUser("admin", "Alex Admin", "admin@example.com", "no picture"),
        PresetUser("sam", "Sam Sample", "sam@example.com", "a picture that cannot be loaded", "missing.svg"),
        PresetUser("uma", "Uma Unverified", "uma@example.com", "an address that is not verified", email_verified=False),
    )
}


def user_from_form(name: str, email: str, picture: str, *, email_verified: bool = True) -> DevUser:
    """Return the user that was typed into the form. Only the e-mail address is required. Raises InvalidUser."""
    name, email, picture = name.strip(), email.strip(), picture.strip()
    if len(email) > MAX_EMAIL or not _EMAIL.fullmatch(email):
        raise InvalidUser("Type an e-mail address such as user@example.com.")
    if len(name) > MAX_NAME:
        raise InvalidUser(f"Shorten the name to {MAX_NAME} characters.")
    if picture and (len(picture) > MAX_PICTURE or not is_http_url(picture)):
        raise InvalidUser(
            f"Type the picture as an http or https URL of at most {MAX_PICTURE} characters, or leave it empty."
        )
    return DevUser(email, name or None, picture or None, email_verified)
