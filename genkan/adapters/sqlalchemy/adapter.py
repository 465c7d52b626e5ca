"""Adapter for SQL databases, with the tables of this application or of Auth.js."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal, TypeVar

from sqlalchemy.orm import Session

from genkan.adapters import NO_PROFILE, is_last_account
from genkan.adapters.own_users import to_identity
from genkan.adapters.sqlalchemy.accounts import Accounts, ignore_invalid_id
from genkan.adapters.sqlalchemy.application.own_users import SQLAlchemyOwnUsers
from genkan.adapters.sqlalchemy.application.refusals import RowRefused
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation, adapter_errors
from genkan.adapters.sqlalchemy.revocations import Revocations
from genkan.adapters.sqlalchemy.stored_users import StoredUsers
from genkan.adapters.sqlalchemy.tables import Tables
from genkan.adapters.sqlalchemy.used_tokens import UsedTokens
from genkan.adapters.sqlalchemy.users import profile_columns
from genkan.errors import AccessDenied, AdapterError, LastAccountError, OAuthAccountNotLinked
from genkan.types import Account, Profile, User

Result = TypeVar("Result")


class SQLAlchemyAdapter:
    """Implementation of `genkan.adapters.Adapter` with the tables of `tables.py`.

    `seal` encrypts a provider token before it is written, and `open` decrypts it.
    """

    def __init__(
        self,
        database: Database,
        tables: Tables,
        *,
        seal: Callable[[str], str],
        open: Callable[[str], str],
        revocations: Revocations,
        own_users: SQLAlchemyOwnUsers | None = None,
    ) -> None:
        self._database = database
        self._accounts = Accounts(tables.accounts, tables.users, seal, open)
        self.stored = StoredUsers(database, tables, self._accounts, revocations)
        self._users = self.stored.users
        self._used_tokens = UsedTokens(database, tables)
        self._revocations = revocations
        self._own_users = own_users

    def get_user(self, id: str) -> User | None:
        """Return the user with that id, or None."""
        with ignore_invalid_id(), self._database.read() as session:
            user = self._users.find(session, self._users.by_id(id))
            return user if user is None or self._own_users is None else self._own_users.describe(user)
        return None

    def get_user_by_email(self, email: str) -> User | None:
        """Return the user with that email address, or None. The comparison ignores case."""
        with self._database.read() as session:
            return self._users.find_by_email(session, email)

    def get_user_by_account(self, provider: str, provider_account_id: str) -> User | None:
        """Return the user who owns that account, or None."""
        with self._database.read() as session:
            user = self.stored.owner(session, provider, provider_account_id)
        if user is None or self._own_users is None:
            return user
        own_user = self._own_users.describe(user)
        if own_user is None:
            self.forget(self._own_users, user.id)
        return own_user

    def get_account(self, provider: str, provider_account_id: str) -> Account | None:
        """Return the account with its tokens decrypted, or None."""
        with self._database.read() as session:
            return self._accounts.get(session, provider, provider_account_id)

    def create_user(self, user: User, account: Account, profile: Profile = NO_PROFILE) -> tuple[User, bool]:
        """Create user and account in one transaction, or return the user of an account that exists."""
        if self._own_users is None:
            return self._insert_or_get(lambda session: self.stored.create(session, user, account))
        try:
            return self._create_linked(self._own_users, user, account, profile)
        except (UniqueViolation, RowRefused) as error:
            # A concurrent sign-in with the same account may have created the same rows.
            owner = self.get_user_by_account(account.provider, account.provider_account_id)
            if owner is not None:
                return owner, False
            if isinstance(error, RowRefused):
                raise
            return self._create_linked(self._own_users, user, account, profile)

    def refresh_user(self, user: User, account: Account) -> User:
        """Store what the provider sent at a later sign-in, and return the stored user."""
        stored = self._insert_or_get(lambda session: self.stored.refresh(session, user, account))
        return stored if self._own_users is None else self.described(self._own_users, stored)

    def link_account(self, user_id: str, account: Account) -> None:
        """Add the account to the user. Raises OAuthAccountNotLinked if it belongs to another user."""
        self._insert_or_get(lambda session: self._link(session, user_id, account))

    def list_accounts(self, user_id: str) -> list[Account]:
        """Return the user's accounts with their tokens decrypted, ordered by provider and subject."""
        with ignore_invalid_id(), self._database.read() as session:
            return self._accounts.list_for(session, user_id)
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
        """Delete the account and return True. Raises LastAccountError if the user could not sign in without it."""
        key = provider, provider_account_id

        def callback(session: Session) -> bool:
            return self._unlink(session, user_id, key, enabled_providers, email_sign_in=email_sign_in)

        with ignore_invalid_id():
            return self._database.run(callback)
        return False

    def acquire_refresh_lock(self, account: Account, now: float, until: float) -> bool:
        """Return True for one caller at a time, who may use the refresh token until `until`."""
        return self._database.run(lambda session: self._accounts.acquire_refresh_lock(session, account, now, until))

    def update_tokens(self, account: Account, old_refresh_token: str | None) -> bool:
        """Replace the tokens and return True, unless the stored refresh token is another one."""
        return self._database.run(lambda session: self._accounts.update_tokens(session, account, old_refresh_token))

    def release_refresh_lock(self, account: Account, until: float) -> None:
        """End the lock that was acquired until `until`."""
        self._database.run(lambda session: self._accounts.release_refresh_lock(session, account, until))

    def use_once(self, id: str, expires: float) -> bool:
        """Return True for the first call with this id, on every worker."""
        return self._used_tokens.use_once(id, expires)

    def is_used(self, id: str) -> bool:
        """Return True if `use_once` was called with this id before."""
        return self._used_tokens.is_used(id)

    def purge(self) -> int:
        """Delete used ids that have expired and return the number of rows."""
        return self._used_tokens.purge()

    def list_users(self) -> list[User]:
        """Return all users, ordered by email address."""
        with self._database.read() as session:
            return self._users.list(session)

    def update_user(
        self,
        id: str,
        *,
        name: str | None = None,
        role: str | None = None,
        disabled: bool | None = None,
        email: Literal[""] | None = None,
    ) -> User | None:
        """Change the fields that are not None and tell the workers. Returns the stored user, None if there is none."""
        with ignore_invalid_id():
            columns = profile_columns(name=name, role=role, email=email)
            return self._database.run(lambda session: self._update(session, id, columns, disabled))
        return None

    def delete_user(self, id: str) -> None:
        """Delete the user with everything that belongs to the user, and revoke the user's sessions."""
        with ignore_invalid_id():
            self._database.run(lambda session: self.stored.delete(session, id))
            return
        with ignore_invalid_id():
            self._database.run(lambda session: self._revocations.end_unrecorded_sessions(session, id))

    def _insert_or_get(self, callback: Callable[[Session], Result]) -> Result:
        # After a conflict with a concurrent transaction, the second run finds the row that the other one has inserted.
        # If it fails too, another constraint is violated, and more runs would not help.
        try:
            return self._database.run(callback)
        except UniqueViolation:
            return self._database.run(callback)

    def _create_linked(
        self, own_users: SQLAlchemyOwnUsers, user: User, account: Account, profile: Profile
    ) -> tuple[User, bool]:
        """Create or find the application's user in its own session, and our rows in the same transaction."""
        with own_users.transaction() as session, adapter_errors():
            connection = own_users.connection(session)
            owner = self.stored.owner(connection, account.provider, account.provider_account_id)
            if owner is not None:
                return self.described(own_users, owner), False
            key, is_new = own_users.find_or_create(session, to_identity(user, account, profile))
            # Again, because a hook may have committed, which ends the connection's transaction.
            connection = own_users.connection(session)
            stored = self._users.find(connection, self._users.by_application_user(key), lock=True)
            if stored is None:
                stored, _ = self.stored.create(connection, user, account, key)
            elif stored.disabled:
                raise AccessDenied("disabled")
            else:
                if user.email and user.email_verified and stored.email_verified is None:
                    stored = self.stored.claim_email(connection, stored, user)
                self.stored.add_account(connection, stored.id, account)
        return self.described(own_users, stored), is_new

    def forget(self, own_users: SQLAlchemyOwnUsers, user_id: str) -> None:
        """Delete our user, whose application's user is gone. Another one may have its primary key now.

        Raises AccessDenied if the row exists and the application's session hides it.
        """
        if own_users.exists(user_id):
            raise AccessDenied("the application hides its user")
        self.delete_user(user_id)

    def described(self, own_users: SQLAlchemyOwnUsers, user: User) -> User:
        """Return our user with what the application says. Raises AdapterError if the application's user is gone."""
        described = own_users.describe(user)
        if described is None:
            raise AdapterError("the application's user is gone")
        return described

    def _link(self, session: Session, user_id: str, account: Account) -> None:
        owner = self.stored.owner(session, account.provider, account.provider_account_id)
        if owner is not None and owner.id != user_id:
            raise OAuthAccountNotLinked
        if owner is not None:
            return self._accounts.update(session, account)
        if self._users.find(session, self._users.by_id(user_id)) is None:
            raise AdapterError("the user is gone")
        self.stored.add_account(session, user_id, account)

    def _unlink(
        self,
        session: Session,
        user_id: str,
        key: tuple[str, str],
        enabled_providers: Collection[str] | None,
        *,
        email_sign_in: bool,
    ) -> bool:
        # Concurrent calls for one user wait here. Otherwise two of them could each unlink one of the last two accounts.
        user = self._users.find(session, self._users.by_id(user_id), lock=True)
        needs_account = not (email_sign_in and user is not None and user.email_verified is not None)
        accounts = self._accounts.list_for(session, user_id)
        if key not in {(account.provider, account.provider_account_id) for account in accounts}:
            return False
        if needs_account and enabled_providers is not None and is_last_account(key, accounts, enabled_providers):
            raise LastAccountError
        self.stored.remove_account(session, user_id, *key)
        return True

    def _update(self, session: Session, id: str, columns: dict[str, Any], disabled: bool | None) -> User | None:
        since = self._users.disabled_since(int(self._database.now(session))) if disabled else None
        values = columns if disabled is None else {**columns, "disabledAt": since}
        # The update locks the row, so a sign-in of this user commits before or after this transaction.
        user = self._users.update(session, id, values)
        if user is not None and disabled:
            self._revocations.end_sessions(session, id)
        elif user is not None and columns:
            self._revocations.mark_changed(session, id)
        return user
