"""The nouns: who somebody is, how they came in, and what an application is told about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

JSON = None | bool | int | float | str | list[Any] | dict[str, Any]

Token = dict[str, Any]
"""The claims of a session token, Auth.js's and anybody else's; unknown ones survive."""

MAX_SID_LENGTH = 255
"""Characters of a provider's session id that is stored."""

Profile = Mapping[str, Any]
"""What the provider said about somebody, as it said it: ID-token claims or the userinfo answer."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a row here, or about to get one."""

    id: str
    name: str | None = None
    email: str | None = None
    image: str | None = None
    role: str | None = None
    email_verified: datetime | None = None
    disabled: bool = False
    """May not sign in, until an owner says otherwise."""
    name_overridden: bool = field(default=False, compare=False)
    """They chose it here, so no provider's replaces it."""


@dataclass(frozen=True, slots=True)
class Account:
    """One way in: (provider, subject), and the provider's tokens, which never leave the server."""

    provider: str
    provider_account_id: str
    type: str
    tokens: Mapping[str, Any] = field(default_factory=dict, repr=False)
    user_id: str | None = None
    refresh_locked_until: int | None = None
    """Seconds since 1970 until when somebody is having the tokens renewed, unless they are done before that."""


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """A user as a provider identified them."""

    user: User
    """The profile in our fields. The id is empty: it belongs to the provider."""
    account: Account
    """Provider, subject and tokens."""
    profile: Profile
    auth_time: int | None = None
    """Seconds since 1970 when the user authenticated at the provider. None if that is unknown."""
    id_token_hint: str | None = field(default=None, repr=False)
    """The ID token to send when the user signs out at the provider. None if it is not needed."""

    @property
    def provider_sid(self) -> str | None:
        """The id of the provider's session: the claim `sid`. None if it is absent or too long."""
        sid = self.profile.get("sid")
        return sid if isinstance(sid, str) and sid.isprintable() and len(sid) <= MAX_SID_LENGTH else None


@dataclass(frozen=True, slots=True)
class SessionUser:
    """The person as a session tells of them: an allow-list (T12), extended only through `extra`."""

    name: str | None = None
    email: str | None = None
    image: str | None = None
    id: str | None = None
    role: str | None = None
    extra: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """Auth.js's shape: name, email and image always (null when unknown), id and role when there are any."""
        known: dict[str, JSON] = {"name": self.name, "email": self.email, "image": self.image}
        if self.id is not None:
            known["id"] = self.id
        if self.role is not None:
            known["role"] = self.role
        return {**self.extra, **known}


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody is signed in: who, and until when unless they come back before that."""

    user: SessionUser
    expires: datetime
    extra: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """`{"user": {...}, "expires": "2026-12-23T10:00:00.000Z"}`, what `GET /api/auth/session` answers."""
        return {**self.extra, "user": self.user.to_json(), "expires": to_iso(self.expires)}


def to_iso(moment: datetime) -> str:
    """UTC with milliseconds and `Z`, as JavaScript's `toISOString` writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def str_claim(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a claim that is a string; None for any other."""
    value = claims.get(name)
    return value if isinstance(value, str) else None
