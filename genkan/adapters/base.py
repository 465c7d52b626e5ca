"""Protocol of an adapter, the store of users and accounts, and functions that all adapters share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, Protocol

from genkan.strict_json import is_number
from genkan.types import Account, Profile, User

DEFAULT_ROLE = "user"

NO_PROFILE: Profile = MappingProxyType({})
"""The profile of a user who did not come from a provider."""

SECRET_FIELDS = ("access_token", "refresh_token", "id_token")
"""Tokens that an adapter must encrypt before it stores them."""

MAX_LOCK_SECONDS = 60
"""Seconds. A lock that ends later than the requested end plus this was set before a clock was set back, and is
ignored."""

TEXT_FIELDS = (*SECRET_FIELDS, "scope", "session_state", "token_type")


class Adapter(Protocol):
    """Store of users and accounts.

    Every method may raise AdapterError. An exception of the database driver must not leave the adapter.
    """

    def get_user(self, id: str) -> User | None:
        """Return the user with that id, or None.

        An id of any form is allowed, also one that the database cannot store.
        """
        ...

    def get_user_by_email(self, email: str) -> User | None:
        """Return the user with that email address, or None. The comparison ignores case."""
        ...

    def get_user_by_account(self, provider: str, provider_account_id: str) -> User | None:
        """Return the user who owns that account, or None."""
        ...

    def get_account(self, provider: str, provider_account_id: str) -> Account | None:
        """Return the account with its tokens decrypted, or None. A token that cannot be decrypted is left out.

        Genkan itself calls `list_accounts` only. Auth.js's adapters have this method, too.
        """
        ...

    def create_user(self, user: User, account: Account, profile: Profile = NO_PROFILE) -> tuple[User, bool]:
        """Create the user and the account in one transaction. Return the stored user, and True if this call created it.

        `profile` is what the provider said about the user. An application with users of its own creates or finds one of
        them in the same transaction, and may refuse: then AccessDenied is raised and nothing has changed.

        If the account exists, its user is returned. Two concurrent calls for one account create one user. The store may
        choose another id. If a stored user has the same email address unverified and that of `user` is verified, the stored
        user gets the account, with the address as verified, and what could sign in before is removed: other accounts,
        password, sessions. A disabled one is returned unchanged. In an application with users of its own the stored user
        loses the address instead, with password and sessions.
        Raises OAuthAccountNotLinked if another user keeps the email address.
        """
        ...

    def refresh_user(self, user: User, account: Account) -> User:
        """Store what the provider sent at a later sign-in in one transaction and return the stored user.

        Name and image change if the provider sent a value. The user takes over the verified email address of the
        profile, unless it is another user's verified one. One who has it unverified loses it, with password and
        sessions. If the user had the same address unverified, and another account or a password, those are removed with
        the sessions. A verified address changes only if the account is the user's only one, because it may come from
        any of several. A name that the user chose and the role do not change. The account's tokens are replaced, but a
        missing refresh token keeps the stored one. Raises AdapterError if the user or the account does not exist.
        """
        ...

    def link_account(self, user_id: str, account: Account) -> None:
        """Add the account to the user. An account that the user already has gets new tokens.

        Raises OAuthAccountNotLinked if the account belongs to another user, and AdapterError if the user does not
        exist.
        """
        ...

    def list_accounts(self, user_id: str) -> list[Account]:
        """Return the user's accounts, ordered by provider and subject, with tokens as in `get_account`."""
        ...

    def unlink_account(
        self,
        user_id: str,
        provider: str,
        provider_account_id: str,
        *,
        enabled_providers: Collection[str] | None,
        email_sign_in: bool = False,
    ) -> bool:
        """Delete the account with its tokens and return True. False if the user has no such account.

        Raises LastAccountError if the user has no other account at one of the `enabled_providers`, also when two
        accounts are unlinked concurrently. With `email_sign_in`, a user with a verified address needs no account. None in
        place of the providers: the last account is deleted, too.
        """
        ...

    def acquire_refresh_lock(self, account: Account, now: float, until: float) -> bool:
        """Return True for one caller at a time, who alone may use the account's refresh token until `until`.

        Times are in seconds since 1970. The lock ends with `update_tokens` or `release_refresh_lock`, or when it
        expires.
        """
        ...

    def update_tokens(self, account: Account, old_refresh_token: str | None) -> bool:
        """Replace all tokens of the account by `account.tokens`, end the refresh lock and return True.

        Return False and change nothing if the stored refresh token is not `old_refresh_token`, because another worker
        has replaced the tokens in the meantime, or if the account does not exist.
        """
        ...

    def release_refresh_lock(self, account: Account, until: float) -> None:
        """End the lock that was acquired until `until`. A lock of another caller stays."""
        ...

    def use_once(self, id: str, expires: float) -> bool:
        """Return True for the first call with this id, and False for later ones until `expires` (seconds since
        1970), on every worker."""
        ...

    def is_used(self, id: str) -> bool:
        """Return True if `use_once` was called with this id before."""
        ...

    def purge(self) -> int:
        """Delete used ids that have expired, in bounded batches, and return the number of rows."""
        ...

    def list_users(self) -> list[User]:
        """Return all users, ordered by email address."""
        ...

    def update_user(
        self,
        id: str,
        *,
        name: str | None = None,
        role: str | None = None,
        disabled: bool | None = None,
        email: Literal[""] | None = None,
    ) -> User | None:
        """Change the fields that are not None and return the stored user. None if no user has that id.

        An empty `email` removes the address, so that another user can have it. The next sign-in may store it again.
        A `name` set here counts as chosen by the user, and `refresh_user` keeps it. Disabling a disabled user keeps the
        earlier time. In the same transaction workers are told: disabling revokes every session of the user, and any
        other change marks the claims in the user's tokens as out of date.
        """
        ...

    def delete_user(self, id: str) -> None:
        """Delete the user with accounts, password, links and codes, and revoke every session, in one transaction.

        Sessions are revoked also if no user has that id.
        """
        ...


class Schema(Protocol):
    """The tables of an adapter."""

    def upgrade(self) -> None:
        """Create the tables, or migrate them to this release. Raises ConfigurationError and AdapterError."""
        ...

    def problem(self) -> str | None:
        """Return what is wrong with the tables, and the remedy. None if they are those of this release.

        Raises AdapterError if the database cannot be reached.
        """
        ...


def token_columns(tokens: Mapping[str, Any]) -> dict[str, str | int | None]:
    """Return the token response's fields that are stored, which are Auth.js's seven columns.

    A missing field and one of the wrong type are None.
    """
    columns: dict[str, str | int | None] = {}
    for field in TEXT_FIELDS:
        value = tokens.get(field)
        columns[field] = value if isinstance(value, str) else None
    columns["expires_at"] = _integer_seconds(tokens.get("expires_at"))
    return columns


def _integer_seconds(value: object) -> int | None:
    # The upper bound is what a signed 64-bit column can hold.
    if not is_number(value) or not 0 <= value < 2**63 - 1024:
        return None
    return int(value)


def is_refresh_locked(account: Account, now: float, until: float) -> bool:
    """Return True if another caller holds the account's refresh lock, so that a lock until `until` cannot be
    acquired now."""
    locked_until = account.refresh_locked_until
    return locked_until is not None and now < locked_until <= until + MAX_LOCK_SECONDS


def is_last_account(key: tuple[str, str], accounts: Iterable[Account], enabled_providers: Collection[str]) -> bool:
    """Return True if, without the account `key` (provider and subject), no account at an enabled provider is left."""
    return not any(
        account.provider in enabled_providers and (account.provider, account.provider_account_id) != key
        for account in accounts
    )


def merge_profile(user: User, profile: User) -> User:
    """Return the stored user, updated with the fields that the provider sent. A field that is None keeps the stored
    value.

    A verified email address of the profile replaces any other one.
    """
    updated = replace(
        user,
        name=user.name if user.name_overridden else profile.name or user.name,
        image=profile.image or user.image,
    )
    email = profile.email.lower() if profile.email and profile.email_verified else None
    if email is None or (user.email_verified and email == (user.email or "").lower()):
        return updated
    return replace(updated, email=email, email_verified=profile.email_verified)
