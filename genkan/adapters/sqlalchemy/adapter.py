"""The adapter for SQL: users, accounts and what was spent, in the tables of an application or of Auth.js."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from sqlalchemy.orm import DeclarativeBase, Session

from genkan.adapters import is_last_account, merge_profile
from genkan.adapters.sqlalchemy.accounts import Accounts, ignore_invalid_id
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation, table_of
from genkan.adapters.sqlalchemy.used_tokens import UsedTokens
from genkan.adapters.sqlalchemy.users import IdGenerator, Users
from genkan.errors import AdapterError, LastAccountError, OAuthAccountNotLinked
from genkan.types import Account, User

Result = TypeVar("Result")


class SQLAlchemyAdapter:
    """Implements `genkan.adapters.Adapter` over three declarative classes with Auth.js's column names.

    Provider tokens pass through `seal` on the way in and `open` on the way out.
    """

    def __init__(
        self,
        database: Database,
        user: type[DeclarativeBase],
        account: type[DeclarativeBase],
        spent_token: type[DeclarativeBase],
        *,
        seal: Callable[[str], str],
        open: Callable[[str], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._users = Users(table_of(user))
        self._accounts = Accounts(table_of(account), self._users.table, seal, open)
        self._spent = UsedTokens(database, table_of(spent_token), clock)
        self._clock = clock
        self._new_id = IdGenerator()

    def get_user(self, id: str) -> User | None:
        """See Adapter."""
        with ignore_invalid_id(), self._database.read() as session:
            return self._users.find(session, self._users.by_id(id))
        return None

    def get_user_by_email(self, email: str) -> User | None:
        """See Adapter."""
        with self._database.read() as session:
            return self._users.find(session, self._users.by_email(email))

    def get_user_by_account(self, provider: str, provider_account_id: str) -> User | None:
        """See Adapter."""
        with self._database.read() as session:
            return self._owner(session, provider, provider_account_id)

    def get_account(self, provider: str, provider_account_id: str) -> Account | None:
        """See Adapter."""
        with self._database.read() as session:
            return self._accounts.get(session, provider, provider_account_id)

    def create_user(self, user: User, account: Account) -> tuple[User, bool]:
        """See Adapter."""
        return self._insert_or_get(lambda session: self._create(session, user, account))

    def refresh_user(self, user: User, account: Account) -> User:
        """Store what the provider sent at a later sign-in, and return the stored user."""
        return self._database.run(lambda session: self._refresh(session, user, account))

    def link_account(self, user_id: str, account: Account) -> None:
        """See Adapter."""
        self._insert_or_get(lambda session: self._link(session, user_id, account))

    def list_accounts(self, user_id: str) -> list[Account]:
        """See Adapter."""
        with ignore_invalid_id(), self._database.read() as session:
            return self._accounts.list_for(session, user_id)
        return []

    def unlink_account(
        self, user_id: str, provider: str, provider_account_id: str, *, enabled_providers: Collection[str]
    ) -> bool:
        """See Adapter."""
        named = provider, provider_account_id
        with ignore_invalid_id():
            return self._database.run(lambda session: self._unlink(session, user_id, named, enabled_providers))
        return False

    def acquire_refresh_lock(self, account: Account, now: float, until: float) -> bool:
        """See Adapter."""
        return self._database.run(lambda session: self._accounts.acquire_refresh_lock(session, account, now, until))

    def update_tokens(self, account: Account, spent: str | None) -> bool:
        """See Adapter."""
        return self._database.run(lambda session: self._accounts.update_tokens(session, account, spent))

    def release_refresh_lock(self, account: Account, until: float) -> None:
        """See Adapter."""
        self._database.run(lambda session: self._accounts.release_refresh_lock(session, account, until))

    def use_once(self, id: str, expires: float) -> bool:
        """See Adapter."""
        return self._spent.use_once(id, expires)

    def purge(self, now: float) -> int:
        """See Adapter."""
        return self._spent.purge(now)

    def list_users(self) -> list[User]:
        """See Adapter."""
        with self._database.read() as session:
            return self._users.list(session)

    def update_user(
        self, id: str, *, name: str | None = None, role: str | None = None, disabled: bool | None = None
    ) -> User | None:
        """Change the fields that are not None and return the stored user; None when no user has that id."""
        values: dict[str, Any] = {}
        if name is not None:
            values |= {"name": name, "nameOverridden": True}
        if role is not None:
            values["role"] = role
        if disabled is not None:
            values["disabledAt"] = self._users.disabled_since(int(self._clock())) if disabled else None
        with ignore_invalid_id():
            return self._database.run(lambda session: self._users.change(session, id, values))
        return None

    def delete_user(self, id: str) -> None:
        """See Adapter."""
        with ignore_invalid_id():
            self._database.run(lambda session: self._delete(session, id))

    def _owner(self, session: Session, provider: str, provider_account_id: str) -> User | None:
        user_id = self._accounts.owner_of(provider, provider_account_id)
        return self._users.find(session, self._users.table.c.id.in_(user_id))

    def _insert_or_get(self, work: Callable[[Session], Result]) -> Result:
        # A conflict means that somebody else was faster; a second look finds what they made. Where it does not,
        # the rule that was broken is another one, and trying on would not help.
        try:
            return self._database.run(work)
        except UniqueViolation:
            return self._database.run(work)

    def _create(self, session: Session, user: User, account: Account) -> tuple[User, bool]:
        # The account is looked up after the address: both appear in one commit, so a rival who finishes between
        # the two looks is seen by the second and not mistaken for another person.
        taken = user.email and self._users.find(session, self._users.by_email(user.email))
        owner = self._owner(session, account.provider, account.provider_account_id)
        if owner is not None:
            return owner, False
        if taken:
            raise OAuthAccountNotLinked
        created = self._users.insert(session, self._new_id(session, self._users.table, user.id), user)
        self._accounts.insert(session, self._new_id(session, self._accounts.table), created.id, account)
        return created, True

    def _refresh(self, session: Session, user: User, account: Account) -> User:
        stored = self._owner(session, account.provider, account.provider_account_id)
        if stored is None or stored.id != user.id:
            raise AdapterError("the user or the account is gone")
        now = merge_profile(stored, user)
        values = {"name": now.name, "image": now.image, "emailVerified": now.email_verified}
        if now != stored:
            self._users.change(session, stored.id, values)
        self._accounts.update(session, account)
        return now

    def _link(self, session: Session, user_id: str, account: Account) -> None:
        owner = self._owner(session, account.provider, account.provider_account_id)
        if owner is not None and owner.id != user_id:
            raise OAuthAccountNotLinked
        if owner is not None:
            return self._accounts.update(session, account)
        if self._users.find(session, self._users.by_id(user_id)) is None:
            raise AdapterError("the user is gone")
        self._accounts.insert(session, self._new_id(session, self._accounts.table), user_id, account)

    def _unlink(self, session: Session, user_id: str, named: tuple[str, str], usable: Collection[str]) -> bool:
        # Whoever else takes a way in from this user waits here, so that two who see two don't take both.
        self._users.lock(session, user_id)
        accounts = self._accounts.list_for(session, user_id)
        if named not in {(account.provider, account.provider_account_id) for account in accounts}:
            return False
        if is_last_account(named, accounts, usable):
            raise LastAccountError
        self._accounts.unlink(session, *named)
        return True

    def _delete(self, session: Session, id: str) -> None:
        self._accounts.delete_all(session, id)
        self._users.delete(session, id)
