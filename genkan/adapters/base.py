"""What any store of people must promise, and what all of them do alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from genkan.strict_json import is_number
from genkan.types import Account, User

DEFAULT_ROLE = "user"

SECRET_FIELDS = ("access_token", "refresh_token", "id_token")
"""What must never be readable in a store (docs/requirements.md T12)."""

RETENTION_SECONDS = 60.0
"""Seconds a spent id is remembered beyond its end: the clock of another host may be behind ours."""

MAX_LOCK_SECONDS = 60
"""Seconds beyond a lease that is asked for. One that ends later still was taken before a clock was set back."""

TEXT_FIELDS = (*SECRET_FIELDS, "scope", "session_state", "token_type")


class Adapter(Protocol):
    """A store of users and their accounts. Every method may raise StoreError, and nothing else of a driver's."""

    def get_user(self, id: str) -> User | None:
        """The user with that id; None for an id nobody has, of whatever shape."""
        ...

    def get_user_by_email(self, email: str) -> User | None:
        """The user with that address, upper and lower case being the same."""
        ...

    def get_user_by_account(self, provider: str, provider_account_id: str) -> User | None:
        """The user who comes in as that subject of that provider."""
        ...

    def get_account(self, provider: str, provider_account_id: str) -> Account | None:
        """That way in, with the provider's tokens in clear; a token that can no longer be opened is left out.

        Genkan itself looks at a user's accounts only (`list_accounts`); Auth.js's adapters have it as well.
        """
        ...

    def create_user(self, user: User, account: Account) -> tuple[User, bool]:
        """The stored user and whether this call made it: user and account appear together or not at all.

        Two calls at once for one account give one user. The store may choose another id. Raises
        OAuthAccountNotLinked when the address belongs to a user who comes in another way.
        """
        ...

    def refresh_user(self, user: User, account: Account) -> User:
        """Store what the provider sent at a later sign-in, in one transaction, and return the stored user.

        Name, image and the verification of the stored address change where the provider sent a value. A name that
        the user chose, the address and the role stay. The account's tokens are replaced; a missing refresh token
        keeps the old one. Raises StoreError when the user or the account is gone.
        """
        ...

    def link_account(self, user_id: str, account: Account) -> None:
        """One more way in for that user; once is as good as twice. OAuthAccountNotLinked if it is someone else's."""
        ...

    def list_accounts(self, user_id: str) -> list[Account]:
        """That user's ways in, by provider and subject, with tokens as in `get_account`."""
        ...

    def unlink_account(
        self, user_id: str, provider: str, provider_account_id: str, *, enabled_providers: Collection[str]
    ) -> bool:
        """That way in is gone with its tokens; False when it is not that user's.

        Raises LastAccount where no other account of theirs is at one of the `usable` providers, also when two are being
        unlinked at once.
        """
        ...

    def acquire_refresh_lock(self, account: Account, now: float, until: float) -> bool:
        """True for one caller at a time, who alone may use the account's refresh token until then.

        Seconds since 1970. A lease ends with `replace_tokens`, `release_refresh`, or by itself.
        """
        ...

    def update_tokens(self, account: Account, spent: str | None) -> bool:
        """The account's tokens become `account.tokens`, none more, and its lease ends.

        Only while its refresh token is still `spent`: otherwise somebody was here in between, theirs stay and this
        is False, as it is when the account is gone.
        """
        ...

    def release_refresh_lock(self, account: Account, until: float) -> None:
        """End the lease that was taken until then; somebody else's goes on."""
        ...

    def use_once(self, id: str, expires: float) -> bool:
        """True for exactly one caller per id, whatever the number of workers, until `expires` (seconds since 1970)."""
        ...

    def purge(self, now: float) -> int:
        """Drop what was spent and has expired, in bounded batches; the number of rows."""
        ...

    def list_users(self) -> list[User]:
        """Everybody, by address."""
        ...

    def update_user(
        self, id: str, *, name: str | None = None, role: str | None = None, disabled: bool | None = None
    ) -> User | None:
        """Change the fields that are not None and return the stored user; None when no user has that id.

        A `name` set here counts as chosen by the user: `refresh_user` keeps it. A user who is disabled once more
        stays disabled since the first time.
        """
        ...

    def delete_user(self, id: str) -> None:
        """The user is gone, with every account of theirs; nothing happens when there is nobody."""
        ...


def token_columns(tokens: Mapping[str, Any]) -> dict[str, str | int | None]:
    """What of a token answer is stored: Auth.js's seven columns; None for what is missing or of another type."""
    kept: dict[str, str | int | None] = {}
    for field in TEXT_FIELDS:
        value = tokens.get(field)
        kept[field] = value if isinstance(value, str) else None
    kept["expires_at"] = _seconds(tokens.get("expires_at"))
    return kept


def _seconds(value: object) -> int | None:
    # The upper bound is what a signed 64-bit column can hold.
    if not is_number(value) or not 0 <= value < 2**63 - 1024:
        return None
    return int(value)


def is_refresh_locked(account: Account, now: float, until: float) -> bool:
    """Whether somebody holds the lease on its refresh token, so that one until then can't be had now."""
    held = account.refresh_locked_until
    return held is not None and now < held <= until + MAX_LOCK_SECONDS


def is_last_account(named: tuple[str, str], accounts: Iterable[Account], usable: Collection[str]) -> bool:
    """Whether nobody could come in by `accounts` without the one of that provider and subject."""
    return not any(
        account.provider in usable and (account.provider, account.provider_account_id) != named for account in accounts
    )


def merge_profile(stored: User, said: User) -> User:
    """The stored user with what the provider says now; silence (None) keeps what is known.

    A verification counts for the stored address only: the provider may be talking of another one by now.
    """
    same_address = said.email is not None and said.email.lower() == (stored.email or "").lower()
    verified: datetime | None = said.email_verified if same_address else None
    return replace(
        stored,
        name=stored.name if stored.name_overridden else said.name or stored.name,
        image=said.image or stored.image,
        email_verified=verified or stored.email_verified,
    )
