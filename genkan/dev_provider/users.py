"""Who can sign in at the development provider: a few made-up people, and whoever somebody types in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genkan.http.urls import is_http_url

# A code carries the person in a URL, and servers commonly refuse request lines over 4 kB.
MAX_NAME, MAX_EMAIL, MAX_PICTURE = 100, 254, 512

_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,189}")


class InvalidUser(ValueError):
    """What was typed makes no person; the message says what to change and may be shown."""


@dataclass(frozen=True, slots=True)
class DevUser:
    """Somebody the provider vouches for."""

    email: str
    name: str | None = None
    picture: str | None = None

    @property
    def subject(self) -> str:
        """The same for the same e-mail address, whatever its case, on every machine and under every secret."""
        return hashlib.sha256(f"genkan-development {self.email.lower()}".encode()).hexdigest()[:32]

    def claims(self, scope: str) -> dict[str, Any]:
        """What these scopes let a client know (OIDC Core 5.4); what is not known is left out."""
        scopes = scope.split()
        claims: dict[str, Any] = {"sub": self.subject}
        if "email" in scopes:
            claims |= {"email": self.email, "email_verified": True}
        if "profile" in scopes:
            claims |= {"name": self.name, "picture": self.picture}
        return {name: value for name, value in claims.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Authentication:
    """A person, and when they showed up (seconds since 1970), which a refresh must not change (OIDC Core 12.2)."""

    user: DevUser
    auth_time: int

    def to_claims(self) -> dict[str, Any]:
        """How it travels inside a sealed token."""
        person = self.user
        return {"person": [person.email, person.name, person.picture], "auth_time": self.auth_time}

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> Authentication:
        """What `to_claims` wrote."""
        return cls(DevUser(*claims["person"]), claims["auth_time"])


@dataclass(frozen=True, slots=True)
class PresetUser:
    """Somebody to pick: each shows another thing that an application has to draw well."""

    key: str
    name: str
    email: str
    note: str
    picture: str | None = None
    """A file below the provider's `pictures/`."""
    colour: str = "#5b6b7f"
    """What the picture is drawn on."""

    def user(self, issuer: str) -> DevUser:
        """The person a client hears of."""
        return DevUser(self.email, self.name, self.picture and f"{issuer}/pictures/{self.picture}")


PRESETS = {
    candidate.key: candidate
    for candidate in (
        PresetUser("hana", "Hana Example", "hana@example.com", "has a picture", "hana.svg", "#2f7d6b"),
        PresetUser("zoe", "Zoë Příkladová", "zoe@example.com", "a name beyond ASCII", "zoe.svg", "#8a4f9e"),
        PresetUser("admin", "Alex Admin", "admin@example.com", "no picture"),
        PresetUser("sam", "Sam Sample", "sam@example.com", "a picture that cannot be loaded", "missing.svg"),
    )
}


def user_from_form(name: str, email: str, picture: str) -> DevUser:
    """Whoever was typed in; only the e-mail address is required. Raises InvalidPerson."""
    name, email, picture = name.strip(), email.strip(), picture.strip()
    if len(email) > MAX_EMAIL or not _EMAIL.fullmatch(email):
        raise InvalidUser("Type an e-mail address such as somebody@example.com.")
    if len(name) > MAX_NAME:
        raise InvalidUser(f"Shorten the name to {MAX_NAME} characters.")
    if picture and (len(picture) > MAX_PICTURE or not is_http_url(picture)):
        raise InvalidUser(
            f"Type the picture as an http or https URL of at most {MAX_PICTURE} characters, or leave it empty."
        )
    return DevUser(email, name or None, picture or None)
