"""Where people are kept: what any store must promise, and one that keeps everything in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any, Protocol
from uuid import uuid4

from genkan.errors import OAuthAccountNotLinked, StoreError
from genkan.identity import Account, User

DEFAULT_ROLE = "user"

SECRET_FIELDS = ("access_token", "refresh_token", "id_token")
"""What must never be readable in a store (security.md T12)."""

KEPT_AFTER_EXPIRY = 60.0
"""Seconds a spent id is remembered beyond its end: the clock of another host may be behind ours."""

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
        """That way in, with the provider's tokens in clear; a token that can no longer be opened is left out."""
        ...

    def create_user(self, user: User, account: Account) -> tuple[User, bool]:
        """The stored user and whether this call made it: user and account appear together or not at all.

        Two calls at once for one account give one user. The store may choose another id. Raises
        OAuthAccountNotLinked when the address belongs to a user who comes in another way.
        """
        ...

    def update_user(self, user: User, account: Account) -> User:
        """The user as stored after a later sign-in, user and account changed together.

        Name, image and the verification of the stored address are refreshed where the provider says anything
        about them; address and role stay. The account's tokens are replaced; a missing refresh token keeps the
        old one. Raises StoreError when the user or the account is gone.
        """
        ...

    def link_account(self, user_id: str, account: Account) -> None:
        """One more way in for that user; once is as good as twice. OAuthAccountNotLinked if it is someone else's."""
        ...

    def spend(self, id: str, expires: float) -> bool:
        """True for exactly one caller per id, whatever the number of workers, until `expires` (seconds since 1970)."""
        ...

    def list_users(self) -> list[User]:
        """Everybody, by address."""
        ...

    def set_role(self, email: str, role: str) -> User | None:
        """The user with that address in their new role; None when there is nobody."""
        ...


def kept_tokens(tokens: Mapping[str, Any]) -> dict[str, str | int | None]:
    """What of a token answer is stored: Auth.js's seven columns; None for what is missing or of another type."""
    kept: dict[str, str | int | None] = {}
    for field in TEXT_FIELDS:
        value = tokens.get(field)
        kept[field] = value if isinstance(value, str) else None
    kept["expires_at"] = _seconds(tokens.get("expires_at"))
    return kept


def _seconds(value: object) -> int | None:
    # The upper bound is what a signed 64-bit column can hold.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if math.isfinite(value) and 0 <= value < 2**63 - 1024 else None


def refreshed(stored: User, said: User) -> User:
    """The stored user with what the provider says now; silence (None) keeps what is known.

    A verification counts for the stored address only: the provider may be talking of another one by now.
    """
    same_address = said.email is not None and said.email.lower() == (stored.email or "").lower()
    verified: datetime | None = said.email_verified if same_address else None
    return replace(
        stored,
        name=said.name or stored.name,
        image=said.image or stored.image,
        email_verified=verified or stored.email_verified,
    )


class MemoryAdapter:
    """Keeps everything in this process: for tests and trials, with the same promises as a database."""

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

    def update_user(self, user: User, account: Account) -> User:
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

    def _keep(self, user_id: str, account: Account) -> None:
        key = (account.provider, account.provider_account_id)
        tokens = {name: value for name, value in kept_tokens(account.tokens).items() if value is not None}
        old = self._accounts.get(key)
        if old is not None and "refresh_token" in old.tokens:
            tokens.setdefault("refresh_token", old.tokens["refresh_token"])
        self._accounts[key] = replace(account, user_id=user_id, tokens=tokens)

    def spend(self, id: str, expires: float) -> bool:
        """See Adapter."""
        with self._lock:
            ended = self._clock() - KEPT_AFTER_EXPIRY
            self._spent = {spent: until for spent, until in self._spent.items() if until > ended}
            if id in self._spent:
                return False
            self._spent[id] = expires
            return True

    def list_users(self) -> list[User]:
        """See Adapter."""
        return sorted(self._users.values(), key=lambda user: (user.email or "", user.id))

    def set_role(self, email: str, role: str) -> User | None:
        """See Adapter."""
        with self._lock:
            user = self.get_user_by_email(email)
            if user is None:
                return None
            self._users[user.id] = replace(user, role=role)
            return self._users[user.id]
