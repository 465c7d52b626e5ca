"""The table of accounts: who owns which, and the providers' tokens, which nobody reads there."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, delete, insert, select, update
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from genkan.adapters import MAX_LOCK_SECONDS, SECRET_FIELDS, token_columns
from genkan.errors import AdapterError, TokenError
from genkan.types import Account

SEALED_PREFIX = "genkan:1:"
"""Marks a stored token as ours; one without it was written by Auth.js, in clear."""

log = logging.getLogger(__name__)


class Accounts:
    """What is done to that table, each within a session that its caller has begun.

    Provider tokens pass through `seal` on the way in and `open` on the way out.
    """

    def __init__(self, table: Table, users: Table, seal: Callable[[str], str], open: Callable[[str], str]) -> None:
        self.table = table
        self._users = users
        self._seal = seal
        self._open = open

    def has(self, provider: str, provider_account_id: str) -> ColumnElement[bool]:
        """The condition that finds one account."""
        return (self.table.c.provider == provider) & (self.table.c.providerAccountId == provider_account_id)

    def owner_of(self, provider: str, provider_account_id: str) -> Select[tuple[Any]]:
        """Asks for the id of that account's user."""
        return select(self.table.c.userId).where(self.has(provider, provider_account_id))

    def get(self, session: Session, provider: str, provider_account_id: str) -> Account | None:
        """That account, its tokens in clear."""
        row = session.execute(select(self.table).where(self.has(provider, provider_account_id))).first()
        return None if row is None else self._account(row)

    def list_for(self, session: Session, user_id: str) -> list[Account]:
        """A user's accounts, their tokens in clear."""
        theirs = select(self.table).where(self.table.c.userId == user_id)
        ordered = theirs.order_by(self.table.c.provider, self.table.c.providerAccountId)
        return [self._account(row) for row in session.execute(ordered)]

    def insert(self, session: Session, id: Any, user_id: str, account: Account) -> None:
        """A new account; one of the same name that nobody owns makes room for it."""
        # An Auth.js database has no foreign keys: an account may have outlived its user, and nobody owns it.
        orphaned = self.table.c.userId.not_in(select(self._users.c.id))
        session.execute(delete(self.table).where(self._is(account), orphaned))
        values = {
            "id": id,
            "userId": user_id,
            "type": account.type,
            "provider": account.provider,
            "providerAccountId": account.provider_account_id,
        }
        session.execute(insert(self.table).values(values | self._sealed(account.tokens)))

    def update(self, session: Session, account: Account) -> None:
        """A later sign-in's tokens; a missing refresh token keeps the old one."""
        values = self._sealed(account.tokens)
        if values["refresh_token"] is None:
            del values["refresh_token"]
        session.execute(update(self.table).where(self._is(account)).values(values))

    def unlink(self, session: Session, provider: str, provider_account_id: str) -> None:
        """Delete it."""
        session.execute(delete(self.table).where(self.has(provider, provider_account_id)))

    def delete_all(self, session: Session, user_id: str) -> None:
        """Delete every account of a user's, also where no foreign key would."""
        session.execute(delete(self.table).where(self.table.c.userId == user_id))

    def acquire_refresh_lock(self, session: Session, account: Account, now: float, until: float) -> bool:
        """See Adapter.lease_refresh: one conditional update, which one caller wins."""
        held = self.table.c.refresh_locked_until
        free = held.is_(None) | (held <= now) | (held > until + MAX_LOCK_SECONDS)
        taken = update(self.table).where(self._is(account), free).values(refresh_locked_until=math.ceil(until))
        return session.execute(taken.returning(self.table.c.id)).first() is not None

    def release_refresh_lock(self, session: Session, account: Account, until: float) -> None:
        """See Adapter.release_refresh."""
        ours = self.table.c.refresh_locked_until == math.ceil(until)
        session.execute(update(self.table).where(self._is(account), ours).values(refresh_locked_until=None))

    def update_tokens(self, session: Session, account: Account, spent: str | None) -> bool:
        """See Adapter.replace_tokens."""
        stored = session.execute(select(self.table).where(self._is(account)).with_for_update()).first()
        if stored is None or self._account(stored).tokens.get("refresh_token") != spent:
            return False
        values = {**self._sealed(account.tokens), "refresh_locked_until": None}
        session.execute(update(self.table).where(self._is(account)).values(values))
        return True

    def _is(self, account: Account) -> ColumnElement[bool]:
        return self.has(account.provider, account.provider_account_id)

    def _account(self, row: Row[Any]) -> Account:
        found = {name: self._clear(name, row._mapping[name]) for name in token_columns({})}  # noqa: SLF001 (its public way in)
        tokens = {name: value for name, value in found.items() if value is not None}
        return Account(row.provider, row.providerAccountId, row.type, tokens, row.userId, row.refresh_locked_until)

    def _sealed(self, tokens: Mapping[str, Any]) -> dict[str, str | int | None]:
        values = token_columns(tokens)
        for name in SECRET_FIELDS:
            value = values[name]
            values[name] = f"{SEALED_PREFIX}{self._seal(value)}" if isinstance(value, str) else None
        return values

    def _clear(self, name: str, value: str | int | None) -> str | int | None:
        if name not in SECRET_FIELDS or not isinstance(value, str) or not value.startswith(SEALED_PREFIX):
            return value
        try:
            return self._open(value.removeprefix(SEALED_PREFIX))
        except TokenError:
            log.warning("a stored %s was sealed under a secret that is no longer known; left out", name)
            return None


@contextmanager
def ignore_invalid_id() -> Iterator[None]:
    """Not a value of the column's type ("abc" among integers): the block ends there, as nobody can have that id."""
    try:
        yield
    except AdapterError as error:
        if not isinstance(error.__cause__, DataError):
            raise
