"""The adapter for SQL: users, accounts and what was spent, in the tables of an application or of Auth.js."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Table,
    delete,
    func,
    insert,
    inspect,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.exc import DataError
from sqlalchemy.orm import DeclarativeBase, Session

from genkan.adapters import DEFAULT_ROLE, SECRET_FIELDS, kept_tokens, refreshed
from genkan.errors import OAuthAccountNotLinked, StoreError, TokenError
from genkan.identity import Account, User
from genkan.sqlalchemy.database import Conflict, Database
from genkan.sqlalchemy.spent import SpentTokens

Result = TypeVar("Result")

SEALED = "genkan:1:"
"""Marks a stored token as ours; one without it was written by Auth.js, in clear."""

log = logging.getLogger(__name__)


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
        self._users = _table(user)
        self._accounts = _table(account)
        self._spent = SpentTokens(database, _table(spent_token), clock)
        self._seal = seal
        self._open = open
        self._ids_made_there: dict[str, bool] = {}

    def get_user(self, id: str) -> User | None:
        """See Adapter."""
        try:
            return self._find(self._users.c.id == id)
        except StoreError as error:
            # Not a value of the column's type ("abc" among integers): nobody can have it.
            if isinstance(error.__cause__, DataError):
                return None
            raise

    def get_user_by_email(self, email: str) -> User | None:
        """See Adapter."""
        return self._find(self._has_address(email))

    def get_user_by_account(self, provider: str, provider_account_id: str) -> User | None:
        """See Adapter."""
        with self._database.read() as session:
            return self._owner(session, provider, provider_account_id)

    def get_account(self, provider: str, provider_account_id: str) -> Account | None:
        """See Adapter."""
        with self._database.read() as session:
            row = session.execute(select(self._accounts).where(self._is(provider, provider_account_id))).first()
        if row is None:
            return None
        found = {name: self._clear(name, row._mapping[name]) for name in kept_tokens({})}  # noqa: SLF001 (its public way in)
        tokens = {name: value for name, value in found.items() if value is not None}
        return Account(row.provider, row.providerAccountId, row.type, tokens, row.userId)

    def create_user(self, user: User, account: Account) -> tuple[User, bool]:
        """See Adapter."""
        return self._insert_or_get(lambda session: self._create(session, user, account))

    def update_user(self, user: User, account: Account) -> User:
        """See Adapter."""
        return self._database.run(lambda session: self._update(session, user, account))

    def link_account(self, user_id: str, account: Account) -> None:
        """See Adapter."""
        self._insert_or_get(lambda session: self._link(session, user_id, account))

    def spend(self, id: str, expires: float) -> bool:
        """See Adapter."""
        return self._spent.spend(id, expires)

    def list_users(self) -> list[User]:
        """See Adapter."""
        with self._database.read() as session:
            users = [_user(row) for row in session.execute(select(self._users))]
        return sorted(users, key=lambda user: (user.email or "", user.id))

    def set_role(self, email: str, role: str) -> User | None:
        """See Adapter."""
        change = update(self._users).where(self._has_address(email)).values(role=role).returning(*self._users.c)
        row = self._database.run(lambda session: session.execute(change).first())
        return None if row is None else _user(row)

    def _find(self, condition: ColumnElement[bool]) -> User | None:
        with self._database.read() as session:
            row = session.execute(select(self._users).where(condition)).first()
        return None if row is None else _user(row)

    def _has_address(self, email: str) -> ColumnElement[bool]:
        return func.lower(self._users.c.email) == email.lower()

    def _is(self, provider: str, provider_account_id: str) -> ColumnElement[bool]:
        accounts = self._accounts.c
        return (accounts.provider == provider) & (accounts.providerAccountId == provider_account_id)

    def _owner(self, session: Session, provider: str, provider_account_id: str) -> User | None:
        joined = self._users.join(self._accounts, self._accounts.c.userId == self._users.c.id)
        owner = select(self._users).select_from(joined).where(self._is(provider, provider_account_id))
        row = session.execute(owner).first()
        return None if row is None else _user(row)

    def _insert_or_get(self, work: Callable[[Session], Result]) -> Result:
        # A conflict means that somebody else was faster; a second look finds what they made. Where it does not,
        # the rule that was broken is another one, and trying on would not help.
        try:
            return self._database.run(work)
        except Conflict:
            return self._database.run(work)

    def _create(self, session: Session, user: User, account: Account) -> tuple[User, bool]:
        # The account is looked up after the address: both appear in one commit, so a rival who finishes between
        # the two looks is seen by the second and not mistaken for another person.
        taken = user.email and session.execute(select(self._users.c.id).where(self._has_address(user.email))).first()
        owner = self._owner(session, account.provider, account.provider_account_id)
        if owner is not None:
            return owner, False
        if taken:
            raise OAuthAccountNotLinked
        values = {
            "id": self._new_id(session, self._users, user.id),
            "name": user.name,
            "email": user.email.lower() if user.email else None,
            "emailVerified": user.email_verified,
            "image": user.image,
            "role": user.role or DEFAULT_ROLE,
        }
        created = _user(session.execute(insert(self._users).values(values).returning(*self._users.c)).one())
        self._insert_account(session, created.id, account)
        return created, True

    def _update(self, session: Session, user: User, account: Account) -> User:
        stored = self._owner(session, account.provider, account.provider_account_id)
        if stored is None or stored.id != user.id:
            raise StoreError("the user or the account is gone")
        now = refreshed(stored, user)
        values = {"name": now.name, "image": now.image, "emailVerified": now.email_verified}
        if now != stored:
            session.execute(update(self._users).where(self._users.c.id == stored.id).values(values))
        self._replace_tokens(session, account)
        return now

    def _link(self, session: Session, user_id: str, account: Account) -> None:
        owner = self._owner(session, account.provider, account.provider_account_id)
        if owner is not None and owner.id != user_id:
            raise OAuthAccountNotLinked
        if owner is not None:
            return self._replace_tokens(session, account)
        if session.execute(select(self._users.c.id).where(self._users.c.id == user_id)).first() is None:
            raise StoreError("the user is gone")
        self._insert_account(session, user_id, account)

    def _insert_account(self, session: Session, user_id: str, account: Account) -> None:
        # An Auth.js database has no foreign keys: an account may have outlived its user, and nobody owns it.
        orphaned = self._accounts.c.userId.not_in(select(self._users.c.id))
        session.execute(delete(self._accounts).where(self._is(account.provider, account.provider_account_id), orphaned))
        values = {
            "id": self._new_id(session, self._accounts),
            "userId": user_id,
            "type": account.type,
            "provider": account.provider,
            "providerAccountId": account.provider_account_id,
        }
        session.execute(insert(self._accounts).values(values | self._sealed(account.tokens)))

    def _replace_tokens(self, session: Session, account: Account) -> None:
        values = self._sealed(account.tokens)
        if values["refresh_token"] is None:
            del values["refresh_token"]
        where = self._is(account.provider, account.provider_account_id)
        session.execute(update(self._accounts).where(where).values(values))

    def _new_id(self, session: Session, table: Table, wanted: str = "") -> Any:
        # Looked up at the first insert, then known: an id that is a number is the database's to give.
        if table.name not in self._ids_made_there:
            columns = inspect(session.connection()).get_columns(table.name)
            kind = next(column["type"] for column in columns if column["name"] == "id")
            self._ids_made_there[table.name] = isinstance(kind, Integer)
        if not self._ids_made_there[table.name]:
            return wanted or str(uuid4())
        return null() if session.get_bind().dialect.name == "sqlite" else literal_column("DEFAULT")

    def _sealed(self, tokens: Mapping[str, Any]) -> dict[str, str | int | None]:
        values = kept_tokens(tokens)
        for name in SECRET_FIELDS:
            value = values[name]
            values[name] = f"{SEALED}{self._seal(value)}" if isinstance(value, str) else None
        return values

    def _clear(self, name: str, value: str | int | None) -> str | int | None:
        if name not in SECRET_FIELDS or not isinstance(value, str) or not value.startswith(SEALED):
            return value
        try:
            return self._open(value.removeprefix(SEALED))
        except TokenError:
            log.warning("a stored %s was sealed under a secret that is no longer known; left out", name)
            return None


def _table(model: type[DeclarativeBase]) -> Table:
    table = model.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{model.__name__} is not mapped to a table of its own")
    return table


def _user(row: Row[Any]) -> User:
    return User(row.id, row.name, row.email, row.image, row.role or DEFAULT_ROLE, row.emailVerified)
