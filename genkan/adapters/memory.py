"""An adapter that keeps everything in this process: for tests and trials."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from threading import Lock
from typing import Any
from uuid import uuid4

from genkan.adapters.protocol import (
    DEFAULT_ROLE,
    KEPT_AFTER_EXPIRY,
    is_last_way_in,
    is_leased,
    kept_tokens,
    refreshed,
)
from genkan.errors import LastAccount, OAuthAccountNotLinked, StoreError
from genkan.identity import Account, User


class MemoryAdapter:
    """Implements `Adapter`, with the same promises as a database."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._users: dict[str, User] = {}
        self._accounts: dict[tuple[str, str], Account] = {}
        self._spent: dict[str, float] = {}

    def get_user(self, id: str) -> User | None:
        """See Adapter."""
        return self._users.get(id)

    def get_user_by_email(self, email: str) -> User | None:
        """See Adapter."""
        wanted = email.lower()
        return next((user for user in list(self._users.values()) if user.email == wanted), None)

    def get_user_by_account(self, provider: str, provider_account_id: str) -> User | None:
        """See Adapter."""
        account = self._accounts.get((provider, provider_account_id))
        return None if account is None else self._users.get(account.user_id or "")

    def get_account(self, provider: str, provider_account_id: str) -> Account | None:
        """See Adapter."""
        return self._accounts.get((provider, provider_account_id))

    def create_user(self, user: User, account: Account) -> tuple[User, bool]:
        """See Adapter."""
        with self._lock:
            known = self.get_user_by_account(account.provider, account.provider_account_id)
            if known is not None:
                return known, False
            if user.email and self.get_user_by_email(user.email):
                raise OAuthAccountNotLinked
            email = user.email.lower() if user.email else None
            stored = replace(user, id=user.id or str(uuid4()), email=email, role=user.role or DEFAULT_ROLE)
            if stored.id in self._users:
                raise StoreError("the id is taken")
            self._users[stored.id] = stored
            self._keep(stored.id, account)
            return stored, True

    def refresh_user(self, user: User, account: Account) -> User:
        """See Adapter."""
        with self._lock:
            known = self.get_user_by_account(account.provider, account.provider_account_id)
            if known is None or known.id != user.id:
                raise StoreError("the user or the account is gone")
            self._users[known.id] = refreshed(known, user)
            self._keep(known.id, account)
            return self._users[known.id]

    def link_account(self, user_id: str, account: Account) -> None:
        """See Adapter."""
        with self._lock:
            owner = self.get_user_by_account(account.provider, account.provider_account_id)
            if owner is not None and owner.id != user_id:
                raise OAuthAccountNotLinked
            if user_id not in self._users:
                raise StoreError("the user is gone")
            self._keep(user_id, account)

    def list_accounts(self, user_id: str) -> list[Account]:
        """See Adapter."""
        theirs = [account for account in list(self._accounts.values()) if account.user_id == user_id]
        return sorted(theirs, key=_key)

    def unlink_account(self, user_id: str, provider: str, provider_account_id: str, *, usable: Collection[str]) -> bool:
        """See Adapter."""
        named = provider, provider_account_id
        with self._lock:
            accounts = self.list_accounts(user_id)
            if named not in map(_key, accounts):
                return False
            if is_last_way_in(named, accounts, usable):
                raise LastAccount
            del self._accounts[named]
            return True

    def lease_refresh(self, account: Account, now: float, until: float) -> bool:
        """See Adapter."""
        with self._lock:
            stored = self._accounts.get(_key(account))
            if stored is None or is_leased(stored, now, until):
                return False
            self._accounts[_key(account)] = replace(stored, refreshing_until=math.ceil(until))
            return True

    def replace_tokens(self, account: Account, spent: str | None) -> bool:
        """See Adapter."""
        with self._lock:
            stored = self._accounts.get(_key(account))
            if stored is None or stored.tokens.get("refresh_token") != spent:
                return False
            tokens = _known(account.tokens)
            self._accounts[_key(account)] = replace(stored, tokens=tokens, refreshing_until=None)
            return True

    def release_refresh(self, account: Account, until: float) -> None:
        """See Adapter."""
        with self._lock:
            stored = self._accounts.get(_key(account))
            if stored is not None and stored.refreshing_until == math.ceil(until):
                self._accounts[_key(account)] = replace(stored, refreshing_until=None)

    def _keep(self, user_id: str, account: Account) -> None:
        key = _key(account)
        tokens = _known(account.tokens)
        old = self._accounts.get(key)
        if old is not None and "refresh_token" in old.tokens:
            tokens.setdefault("refresh_token", old.tokens["refresh_token"])
        lease = None if old is None else old.refreshing_until
        self._accounts[key] = replace(account, user_id=user_id, tokens=tokens, refreshing_until=lease)

    def spend(self, id: str, expires: float) -> bool:
        """See Adapter."""
        self.purge(self._clock())
        with self._lock:
            if id in self._spent:
                return False
            self._spent[id] = expires
            return True

    def purge(self, now: float) -> int:
        """See Adapter."""
        with self._lock:
            before = len(self._spent)
            self._spent = {id: until for id, until in self._spent.items() if until > now - KEPT_AFTER_EXPIRY}
            return before - len(self._spent)

    def list_users(self) -> list[User]:
        """See Adapter."""
        return sorted(self._users.values(), key=lambda user: (user.email or "", user.id))

    def update_user(
        self, id: str, *, name: str | None = None, role: str | None = None, disabled: bool | None = None
    ) -> User | None:
        """Change the fields that are not None."""
        values: dict[str, Any] = {} if name is None else {"name": name, "name_is_own": True}
        values |= {key: value for key, value in (("role", role), ("disabled", disabled)) if value is not None}
        with self._lock:
            return self._change(self._users.get(id), **values)

    def delete_user(self, id: str) -> None:
        """See Adapter."""
        with self._lock:
            self._accounts = {key: account for key, account in self._accounts.items() if account.user_id != id}
            self._users.pop(id, None)

    def _change(self, user: User | None, **values: Any) -> User | None:
        if user is None:
            return None
        self._users[user.id] = replace(user, **values)
        return self._users[user.id]


def _key(account: Account) -> tuple[str, str]:
    return account.provider, account.provider_account_id


def _known(tokens: Mapping[str, Any]) -> dict[str, str | int]:
    return {name: value for name, value in kept_tokens(tokens).items() if value is not None}
