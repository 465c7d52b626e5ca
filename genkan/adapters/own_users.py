"""Users of the application itself, and the functions with which it creates and finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from genkan.types import Account, Identity, Profile, User

NewUser = Callable[[Identity], Any]
"""Returns a new user of the application for an identity. None refuses the sign-in."""

ExistingUser = Callable[[Identity], Any]
"""Returns the user of the application who has the verified address of an identity, or None."""

Role = Callable[[Any], str | None]
"""Returns the role of a user: the application's own one, or else `genkan.types.User`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserHooks:
    """Functions of an application that has users of its own."""

    new_user: NewUser | None = None
    existing_user: ExistingUser | None = None
    existing_user_providers: frozenset[str] | None = None
    """Ids of the providers whose identities `existing_user` gets. None: all."""
    role: Role | None = None


class OwnUsers(Protocol):
    """Users of the application. Each of our users is linked to one of them."""

    def load(self, user_id: str) -> Any:
        """Return the application's user that this user of ours is linked to. None if there is none.

        The object belongs to the application's own session. Raises AdapterError.
        """
        ...

    def findings(self) -> list[tuple[str, str]]:
        """Return what an owner should know, each as a problem and its remedy. Raises AdapterError."""
        ...

    def owns(self, value: object) -> bool:
        """Return True if this is an object of the application's class of users."""
        ...

    def link(self, own_user: Any, user: User) -> tuple[User, bool]:
        """Return our user who is linked to this object of the application, and True if the object is stored by this call.

        Name and picture of a new one are those of `user`. The object and our rows are stored in one transaction of the
        application's session. Raises AccessDenied if the object is not active, and AdapterError.
        """
        ...

    def find_id(self, own_user: Any) -> str | None:
        """Return the id of our user who is linked to this one: an object, or its primary key. None if there is none.

        Raises AdapterError.
        """
        ...


def to_identity(user: User, account: Account, profile: Profile) -> Identity:
    """Return what the hooks get to know about a user at a provider."""
    return Identity(
        id=f"{account.provider}:{account.provider_account_id}",
        provider=account.provider,
        subject=account.provider_account_id,
        name=user.name,
        email=user.email if user.email_verified else None,
        unverified_email=user.unverified_email,
        image=user.image,
        claims=profile,
    )
