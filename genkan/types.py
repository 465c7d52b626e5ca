"""Data types of users, accounts and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

JSON = None | bool | int | float | str | list[Any] | dict[str, Any]

Token = dict[str, Any]
"""Claims of a session token. Unknown claims, for example those that Auth.js has set, are kept."""

MAX_SID_LENGTH = 255
"""Characters of a provider's session id that is stored."""

Profile = Mapping[str, Any]
"""Claims about the user as the provider sent them, from the ID token or the userinfo response."""


@dataclass(frozen=True, slots=True)
class User:
    """User that is stored, or about to be stored."""

    id: str
    name: str | None = None
    email: str | None = None
    image: str | None = None
    role: str | None = None
    email_verified: datetime | None = None
    disabled: bool = False
    """True if the user may not sign in."""
    name_overridden: bool = field(default=False, compare=False)
    """True if the user chose the name in this application. A provider's name does not replace it."""
    unverified_email: str | None = field(default=None, compare=False)
    """Address that the provider sent without verifying it. It is not stored, and may belong to another person."""
    application_id: str | None = field(default=None, compare=False)
    """Primary key of the application's own user as text. None if the application has no users of its own."""


@dataclass(frozen=True, slots=True)
class Account:
    """Account at a provider, identified by provider and subject. Its tokens never leave the server."""

    provider: str
    provider_account_id: str
    type: str
    tokens: Mapping[str, Any] = field(default_factory=dict, repr=False)
    user_id: str | None = None
    refresh_locked_until: int | None = None
    """Seconds since 1970. Until then one worker holds the lock for refreshing the tokens, unless it releases the
    lock earlier."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user at a provider, for the functions with which an application creates and finds its own users."""

    id: str
    """Provider and subject in one text, which is unique across providers."""
    provider: str
    subject: str
    """The provider's own id of the user."""
    name: str | None = None
    email: str | None = None
    """The address, if the provider has verified it. None otherwise."""
    unverified_email: str | None = None
    """Address that the provider has not verified. It may belong to another person."""
    image: str | None = None
    claims: Profile = field(default_factory=dict, repr=False)
    """The claims as the provider sent them."""


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
    amr: tuple[str, ...] = ()
    """How the user authenticated (RFC 8176), such as `pwd`. `mfa` means that two factors were proven."""

    @property
    def provider_sid(self) -> str | None:
        """The id of the provider's session: the claim `sid`. None if it is absent or too long."""
        sid = self.profile.get("sid")
        return sid if isinstance(sid, str) and sid.isprintable() and len(sid) <= MAX_SID_LENGTH else None


@dataclass(frozen=True, slots=True)
class SessionUser:
    """User data of a session. Templates see all fields, and the browser gets what `to_json` returns."""

    name: str | None = None
    email: str | None = None
    image: str | None = None
    id: str | None = None
    role: str | None = None
    extra: Mapping[str, JSON] = field(default_factory=dict)
    unverified_email: str | None = None
    """Address that the provider sent without verifying it. It is not exposed to the browser."""

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON that Auth.js sends. It has `name`, `email` and `image` always, and `id` and `role` if they
        are set."""
        known: dict[str, JSON] = {"name": self.name, "email": self.email, "image": self.image}
        if self.id is not None:
            known["id"] = self.id
        if self.role is not None:
            known["role"] = self.role
        return {**self.extra, **known}


@dataclass(frozen=True, slots=True)
class Session:
    """Session of a signed-in user. `expires` is when it ends unless it is extended before."""

    user: SessionUser
    expires: datetime
    extra: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON response of `GET /api/auth/session`: `user`, `expires` in UTC, and the extra fields."""
        return {**self.extra, "user": self.user.to_json(), "expires": to_iso(self.expires)}


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """The signed-in user as `current_user`, with the attributes that Flask-Login expects."""

    user: SessionUser
    """The user of the session, with all fields."""

    is_authenticated = is_active = True
    is_anonymous = False

    @property
    def id(self) -> str | None:
        """The user's id."""
        return self.user.id

    @property
    def name(self) -> str | None:
        """The user's name."""
        return self.user.name

    @property
    def email(self) -> str | None:
        """The user's address."""
        return self.user.email

    @property
    def image(self) -> str | None:
        """The address of the user's picture."""
        return self.user.image

    @property
    def role(self) -> str | None:
        """The user's role."""
        return self.user.role

    def get_id(self) -> str | None:
        """Return the user's id."""
        return self.user.id


def to_iso(moment: datetime) -> str:
    """Return the time in UTC with milliseconds and `Z`, as JavaScript's `toISOString` does."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def str_claim(claims: Mapping[str, Any], name: str) -> str | None:
    """Return the claim `name` if it is a string, else None."""
    value = claims.get(name)
    return value if isinstance(value, str) else None
