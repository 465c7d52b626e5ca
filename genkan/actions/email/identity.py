"""The identity of a user who signs in with an address."""

from __future__ import annotations

from datetime import UTC, datetime

from genkan.adapters import NO_PROFILE
from genkan.core import Core
from genkan.types import Account, ProviderIdentity, User


def email_identity(email: str, core: Core, *, provider: str = "email") -> ProviderIdentity:
    """Return the identity of the user who has proven this address now, by mail or (`credentials`) by the password.

    As in Auth.js, the account has the address as its id, and is not stored.
    """
    now = core.clock()
    user = User("", email=email, email_verified=datetime.fromtimestamp(int(now), UTC))
    amr = "pwd" if provider == "credentials" else "otp"
    return ProviderIdentity(user, Account(provider, email, provider), NO_PROFILE, auth_time=int(now), amr=(amr,))


def find_by_email(email: str, core: Core) -> User | None:
    """Return the stored user with this address, proven or not. None if there is none. Raises AdapterError and AccessDenied.

    In an application with users of its own the user is disabled if that one is not active.
    """
    user = core.adapter.get_user_by_email(email)
    return user if user is None or core.own_users is None else core.adapter.get_user(user.id)
