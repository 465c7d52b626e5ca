"""Table of accounts. The providers' tokens in it are encrypted."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, delete, insert, select, true, update
from sqlalchemy.exc import DataError

from genkan.adapters import MAX_LOCK_SECONDS, SECRET_FIELDS, token_columns
from genkan.adapters.sqlalchemy.database import Executor
from genkan.errors import AdapterError, TokenError
from genkan.types import Account

SEALED_PREFIX = "genkan:1:"
"""Prefix of an encrypted token. A token without it was written by Auth.js and is not encrypted."""

log = logging.getLogger(__name__)


class Accounts:
    """Queries on the table of accounts. Each runs in the database session of the caller.

    `seal` encrypts a provider token before it is written, and `open` decrypts it.
    """

    def __init__(self, table: Table, users: Table, seal: Callable[[str], str], open: Callable[[str], str]) -> None:
        self.table = table
        self._users = users
        self._seal = seal
        self._open = open

    def has(self, provider: str, provider_account_id: str) -> ColumnElement[bool]:
        """Return the condition that selects one account."""
        return (self.table.c.provider == provider) & (self.table.c.providerAccountId == provider_account_id)

    def user_id_of_account(self, provider: str, provider_account_id: str) -> Select[tuple[Any]]:
        """Return the query for the id of the account's user."""
        return select(self.table.c.userId).where(self.has(provider, provider_account_id))

    def get(self, session: Executor, provider: str, provider_account_id: str) -> Account | None:
        """Return the account with its tokens decrypted, or None."""
        row = session.execute(select(self.table).where(self.has(provider, provider_account_id))).first()
        return None if row is None else self._account(row)

    def list_for(self, session: Executor, user_id: str) -> list[Account]:
        """Return the user's accounts with their tokens decrypted, ordered by provider and subject."""
        query = select(self.table).where(self.table.c.userId == user_id)
        ordered_query = query.order_by(self.table.c.provider, self.table.c.providerAccountId)
        return [self._account(row) for row in session.execute(ordered_query)]

    def insert(self, session: Executor, id: Any, user_id: str, account: Account, linked_at: int) -> None:
        """Insert an account. `linked_at` is in seconds since 1970. A row for the same account whose user no longer
        exists is deleted first."""
        # An Auth.js database may have no foreign keys, so an account can remain after its user was deleted.
        orphaned = self.table.c.userId.not_in(select(self._users.c.id))
        session.execute(delete(self.table).where(self._is(account), orphaned))
        values = {
            "id": id,
            "userId": user_id,
            "type": account.type,
            "provider": account.provider,
            "providerAccountId": account.provider_account_id,
            "linked_at": linked_at,
        }
        session.execute(insert(self.table).values(values | self._seal_tokens(account.tokens)))

    def update(self, session: Executor, account: Account) -> None:
        """Replace the account's tokens. A missing refresh token keeps the stored one."""
        values = self._seal_tokens(account.tokens)
        if values["refresh_token"] is None:
            del values["refresh_token"]
        session.execute(update(self.table).where(self._is(account)).values(values))

    def unlink(self, session: Executor, provider: str, provider_account_id: str) -> None:
        """Delete the account."""
        session.execute(delete(self.table).where(self.has(provider, provider_account_id)))

    def delete_all(self, session: Executor, user_id: str, keep: Account | None = None) -> None:
        """Delete all accounts of a user but `keep`, also in a database without foreign keys."""
        others = true() if keep is None else ~self._is(keep)
        session.execute(delete(self.table).where((self.table.c.userId == user_id) & others))

    def delete_linked_since(self, session: Executor, user_id: str, time: int) -> list[str]:
        """Delete the accounts of a user that were linked at this time or later. Returns their providers."""
        row = self.table.c
        statement = delete(self.table).where(row.userId == user_id, row.linked_at >= time)
        return list(session.execute(statement.returning(row.provider)).scalars())

    def acquire_refresh_lock(self, session: Executor, account: Account, now: float, until: float) -> bool:
        """Acquire the lock with one conditional update and return True if this call has succeeded."""
        locked_until = self.table.c.refresh_locked_until
        is_free = locked_until.is_(None) | (locked_until <= now) | (locked_until > until + MAX_LOCK_SECONDS)
        statement = update(self.table).where(self._is(account), is_free).values(refresh_locked_until=math.ceil(until))
        return session.execute(statement.returning(self.table.c.id)).first() is not None

    def release_refresh_lock(self, session: Executor, account: Account, until: float) -> None:
        """Release the lock that ends at `until`."""
        is_own_lock = self.table.c.refresh_locked_until == math.ceil(until)
        session.execute(update(self.table).where(self._is(account), is_own_lock).values(refresh_locked_until=None))

    def update_tokens(self, session: Executor, account: Account, old_refresh_token: str | None) -> bool:
        """Replace the tokens and return True, unless the stored refresh token is not `old_refresh_token`."""
        stored = session.execute(select(self.table).where(self._is(account)).with_for_update()).first()
        if stored is None or self._account(stored).tokens.get("refresh_token") != old_refresh_token:
            return False
        values = {**self._seal_tokens(account.tokens), "refresh_locked_until": None}
        session.execute(update(self.table).where(self._is(account)).values(values))
        return True

    def _is(self, account: Account) -> ColumnElement[bool]:
        return self.has(account.provider, account.provider_account_id)

    def _account(self, row: Row[Any]) -> Account:
        columns = {name: self._unseal(name, row._mapping[name]) for name in token_columns({})}  # noqa: SLF001 (documented by SQLAlchemy)
        tokens = {name: value for name, value in columns.items() if value is not None}
        return Account(row.provider, row.providerAccountId, row.type, tokens, row.userId, row.refresh_locked_until)

    def _seal_tokens(self, tokens: Mapping[str, Any]) -> dict[str, str | int | None]:
        values = token_columns(tokens)
        for name in SECRET_FIELDS:
            value = values[name]
            values[name] = f"{SEALED_PREFIX}{self._seal(value)}" if isinstance(value, str) else None
        return values

    def _unseal(self, name: str, value: str | int | None) -> str | int | None:
        if name not in SECRET_FIELDS or not isinstance(value, str) or not value.startswith(SEALED_PREFIX):
            return value
        try:
            return self._open(value.removeprefix(SEALED_PREFIX))
        except TokenError:
            log.warning("a stored %s was encrypted with a secret that is no longer set and is ignored", name)
            return None


@contextmanager
def ignore_invalid_id() -> Iterator[None]:
    """Suppress the database error for an id of the wrong type, such as text in an integer column.

    The rest of the block is skipped, so the caller can return its value for an unknown id.
    """
    try:
        yield
    except AdapterError as error:
        if not isinstance(error.__cause__, DataError):
            raise
