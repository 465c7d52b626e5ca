"""Adapter and session store of an application without a database. The cookie holds everything.

A user's id follows from provider and subject. Name, address and picture are what the provider sent at the sign-in. No
session can be revoked, and no user, account or provider token is stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from hashlib import sha256
from threading import Lock
from typing import Any, Literal
from uuid import UUID, uuid5

from genkan.adapters.base import DEFAULT_ROLE, NO_PROFILE
from genkan.adapters.sessions import (
    Activity,
    Revocation,
    RevocationReading,
    RevocationReason,
    SessionRecord,
)
from genkan.cache.base import Cache
from genkan.cache.bounded import BoundedCache
from genkan.errors import AdapterError
from genkan.types import Account, Profile, User

NAMESPACE = UUID("6f1c2c55-7d0e-4d6b-9a67-3f0b8f1f6a52")
"""Namespace of the user ids. With another one every user would get another id."""

MAX_USED_IDS = 10_000
"""Used ids that a worker remembers, the latest. An id of a flow counts for fifteen minutes."""


def user_id(provider: str, subject: str) -> str:
    """Return the id of the user with this account."""
    # A subject contains no control character, so the text is another one for each account.
    return str(uuid5(NAMESPACE, f"{provider}\n{subject}"))


class StatelessAdapter:
    """Implementation of `genkan.adapters.Adapter` that stores nothing but used ids, in the memory of the process.

    With `cache`, which all workers share, an id is used once on all of them. While the cache fails, each worker still
    refuses the ids that it has seen itself.
    """

    def __init__(self, clock: Callable[[], float], cache: Cache | None = None) -> None:
        self._clock, self._cache = clock, cache
        self._used: BoundedCache[float] = BoundedCache(MAX_USED_IDS)
        self._lock = Lock()

    def get_user(self, id: str) -> User | None:
        """Return None: no user is stored."""
        return None

    def get_user_by_email(self, email: str) -> User | None:
        """Return None: no user is stored."""
        return None

    def get_user_by_account(self, provider: str, provider_account_id: str) -> User | None:
        """Return a user with the id that follows from the account, and without a profile."""
        return User(user_id(provider, provider_account_id), role=DEFAULT_ROLE)

    def get_account(self, provider: str, provider_account_id: str) -> Account | None:
        """Return None: no account is stored."""
        return None

    def create_user(self, user: User, account: Account, profile: Profile = NO_PROFILE) -> tuple[User, bool]:
        """Return the user with the id that follows from the account, and False: no user is new."""
        return self.refresh_user(user, account), False

    def refresh_user(self, user: User, account: Account) -> User:
        """Return the user with the id that follows from the account."""
        id = user_id(account.provider, account.provider_account_id)
        return replace(user, id=id, role=user.role or DEFAULT_ROLE)

    def link_account(self, user_id: str, account: Account) -> None:
        """Raise AdapterError."""
        raise AdapterError("without a database no account can be linked")

    def list_accounts(self, user_id: str) -> list[Account]:
        """Return no account."""
        return []

    def unlink_account(
        self,
        user_id: str,
        provider: str,
        provider_account_id: str,
        *,
        enabled_providers: Collection[str] | None,
        email_sign_in: bool = False,
    ) -> bool:
        """Return False: no account is linked."""
        return False

    def acquire_refresh_lock(self, account: Account, now: float, until: float) -> bool:
        """Return False: no tokens are stored."""
        return False

    def update_tokens(self, account: Account, old_refresh_token: str | None) -> bool:
        """Return False: no tokens are stored."""
        return False

    def release_refresh_lock(self, account: Account, until: float) -> None:
        """Do nothing."""

    def use_once(self, id: str, expires: float) -> bool:
        """Return True for the first call with this id in this process, and on all workers if they share a cache."""
        key, now = _key(id), self._clock()
        with self._lock:
            if (self._used.get(key) or 0.0) > now:
                return False
            self._used.set(key, expires)
        return self._cache is None or self._cache.mark(f"used:{key.hex()}", max(1, math.ceil(expires - now)))

    def is_used(self, id: str) -> bool:
        """Return True if `use_once` was called with this id in this process."""
        return (self._used.get(_key(id)) or 0.0) > self._clock()

    def purge(self) -> int:
        """Return 0: there are no rows."""
        return 0

    def list_users(self) -> list[User]:
        """Return no user."""
        return []

    def update_user(
        self,
        id: str,
        *,
        name: str | None = None,
        role: str | None = None,
        disabled: bool | None = None,
        email: Literal[""] | None = None,
    ) -> User | None:
        """Return None: no user is stored."""
        return None

    def delete_user(self, id: str) -> None:
        """Do nothing."""


class StatelessSessionStore:
    """Implementation of `genkan.adapters.sessions.SessionStore` that stores nothing, so it revokes no session either."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def read_revocations(self, position: str, apply: Callable[[list[Revocation]], object]) -> RevocationReading:
        """Pass nothing to `apply`."""
        return RevocationReading("", self._clock())

    def create(
        self,
        record: SessionRecord,
        *,
        claims: Mapping[str, Any] | None = None,
        token_hash: str | None = None,
        replaces: str | None = None,
    ) -> list[SessionRecord] | None:
        """Return no record: the cookie is the session."""
        return []

    def get(self, id: str) -> SessionRecord | None:
        """Return None."""
        return None

    def list_active(self, user_id: str, now: int) -> list[SessionRecord]:
        """Return no record."""
        return []

    def list_all_active(self, now: int, limit: int) -> list[SessionRecord]:
        """Return no record."""
        return []

    def get_claims(self, token_hash: str, now: int) -> dict[str, Any] | None:
        """Return None."""
        return None

    def update(self, id: str, claims: Mapping[str, Any], expires: int, now: int, *, min_interval: int = 0) -> None:
        """Do nothing."""

    def touch(self, id: str, now: int, *, min_interval: int, expires: int | None = None) -> bool:
        """Return False: nothing is written."""
        return False

    def revoke_session(self, id: str, reason: RevocationReason) -> SessionRecord | None:
        """Return None."""
        return None

    def revoke_user(self, user_id: str, *, except_sid: str | None = None, except_started_at: int = 0) -> int:
        """Return 0."""
        return 0

    def revoke_everyone(self) -> int:
        """Return 0."""
        return 0

    def revoke_by_provider(
        self, provider: str, reason: RevocationReason, *, provider_sid: str | None = None, user_id: str | None = None
    ) -> list[SessionRecord]:
        """Return no record."""
        return []

    def mark_user_changed(self, user_id: str) -> None:
        """Do nothing."""

    def add_activity(self, user_id: str, activity: Activity) -> None:
        """Do nothing."""

    def list_activity(self, user_id: str, limit: int) -> list[Activity]:
        """Return no entry."""
        return []

    def purge(self) -> int:
        """Return 0."""
        return 0


def _key(id: str) -> bytes:
    # It reveals no id that could still be used elsewhere, and has the same length for every id.
    return sha256(id.encode()).digest()
