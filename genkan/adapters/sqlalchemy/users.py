"""Table of users, and the ids of new rows in any table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    Row,
    Table,
    delete,
    func,
    insert,
    inspect,
    literal,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.orm import Session

from genkan.adapters import DEFAULT_ROLE
from genkan.adapters.sqlalchemy.database import Executor, dialect_name
from genkan.adapters.sqlalchemy.models import StringId
from genkan.adapters.sqlalchemy.tables import APPLICATION_USER
from genkan.spellings import email_spellings
from genkan.types import User


class Users:
    """Queries on the table of users. Each runs in the database session of the caller."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._stores_milliseconds: bool | None = None

    def by_id(self, id: object) -> ColumnElement[bool]:
        """Return the condition that selects the user with that id."""
        return self.table.c.id == id

    def by_application_user(self, key: object) -> ColumnElement[bool]:
        """Return the condition that selects the user who is linked to this primary key of the application's users."""
        return self.table.c[APPLICATION_USER] == key

    def find(self, session: Executor, condition: ColumnElement[bool], *, lock: bool = False) -> User | None:
        """Return the user who matches the condition, or None. With `lock`, the row is locked as by `lock`."""
        query = select(self.table).where(condition)
        row = session.execute(query.with_for_update(key_share=True) if lock else query).first()
        return None if row is None else _user(row)

    def find_by_email(self, session: Executor, email: str, *, lock: bool = False) -> User | None:
        """Return the user with that email address, or None, like `find`. It ignores case.

        An address with the domain in Unicode, which an earlier release or another application has stored, is found too.
        """
        # Tables of our own have addresses in lower case only, and an index on the column.
        column = func.lower(self.table.c.email) if is_authjs(self.table) else self.table.c.email
        for spelling in email_spellings(email):
            user = self.find(session, column == spelling, lock=lock)
            if user is not None:
                return user
        return None

    def list(self, session: Executor) -> list[User]:
        """Return all users, ordered by email address."""
        users = [_user(row) for row in session.execute(select(self.table))]
        return sorted(users, key=lambda user: (user.email or "", user.id))

    def insert(self, session: Executor, id: Any, user: User, application_user: object = None) -> User:
        """Insert a user and return it as stored. `application_user` is the primary key of the application's own user."""
        values = {
            "id": id,
            "name": user.name,
            "email": user.email.lower() if user.email else None,
            "emailVerified": self._timestamp(session, user.email_verified),
            "image": user.image,
            "role": user.role or DEFAULT_ROLE,
            **({} if application_user is None else {APPLICATION_USER: application_user}),
        }
        return _user(session.execute(insert(self.table).values(values).returning(*self.table.c)).one())

    def update(self, session: Executor, id: str, values: Mapping[str, Any]) -> User | None:
        """Update columns of one user and return the stored user. None if no user has that id."""
        if not values:
            return self.find(session, self.by_id(id))
        if "emailVerified" in values:
            values = {**values, "emailVerified": self._timestamp(session, values["emailVerified"])}
        statement = update(self.table).where(self.by_id(id)).values(values).returning(*self.table.c)
        row = session.execute(statement).first()
        return None if row is None else _user(row)

    def disabled_since(self, now: int) -> ColumnElement[int]:
        """Return the value for `disabledAt` of a user who is disabled now, or was disabled earlier."""
        return func.coalesce(self.table.c.disabledAt, now)

    def lock(self, session: Executor, id: str) -> None:
        """Lock the user's row until the transaction ends. Another call for the same user waits."""
        # FOR NO KEY UPDATE: rows that refer to the user can be inserted meanwhile.
        session.execute(select(self.table.c.id).where(self.by_id(id)).with_for_update(key_share=True))

    def delete(self, session: Executor, id: str) -> None:
        """Delete the user."""
        session.execute(delete(self.table).where(self.by_id(id)))

    def _timestamp(self, session: Executor, time: datetime | None) -> Any:
        """Return the time in the column's type: milliseconds since 1970 if the column is an integer."""
        if time is None:
            return None
        if not is_authjs(self.table):
            # SQLite keeps no time zone.
            return time.astimezone(UTC)
        if self._stores_milliseconds is None:
            self._stores_milliseconds = is_integer(session, self.table.c.emailVerified)
        return literal(round(time.timestamp() * 1000), BigInteger) if self._stores_milliseconds else time


class IdGenerator:
    """Ids of new rows. The database generates integer ids, and all others are UUIDs."""

    def __init__(self) -> None:
        self._is_generated: dict[str, bool] = {}

    def __call__(self, session: Executor, table: Table, id: str = "") -> Any:
        """Return the id for `insert`. `id` is used if it is not empty and the column is not an integer."""
        if not is_authjs(table):
            return id or str(uuid4())
        # The column type is read once for each table.
        if table.name not in self._is_generated:
            self._is_generated[table.name] = is_integer(session, table.c.id)
        if not self._is_generated[table.name]:
            return id or str(uuid4())
        return null() if dialect_name(session) == "sqlite" else literal_column("DEFAULT")


def profile_columns(*, name: str | None, role: str | None, email: Literal[""] | None) -> dict[str, Any]:
    """Return the columns for the fields that are not None. The user has chosen the name. "" is no address."""
    named = {} if name is None else {"name": name, "nameOverridden": True}
    without_email = {} if email is None else {"email": None, "emailVerified": None}
    return {**named, **({} if role is None else {"role": role}), **without_email}


def is_authjs(table: Table) -> bool:
    """Return True for a table of Auth.js, whose types depend on the application that created it."""
    return isinstance(table.c.id.type, StringId)


def is_integer(session: Executor, column: Column[Any]) -> bool:
    """Return True if the column is an integer in the database, whose table another application may have created."""
    connection = session.connection() if isinstance(session, Session) else session
    columns = inspect(connection).get_columns(column.table.name)
    return isinstance(next(found["type"] for found in columns if found["name"] == column.name), Integer)


def _user(row: Row[Any]) -> User:
    role, disabled, verified = row.role or DEFAULT_ROLE, row.disabledAt is not None, row.emailVerified
    if verified is not None and verified.tzinfo is None:
        verified = verified.replace(tzinfo=UTC)
    key = row._mapping.get(APPLICATION_USER)  # noqa: SLF001 (documented by SQLAlchemy)
    return User(
        row.id,
        row.name,
        row.email,
        row.image,
        role,
        verified,
        disabled,
        bool(row.nameOverridden),
        application_id=None if key is None else str(key),
    )
