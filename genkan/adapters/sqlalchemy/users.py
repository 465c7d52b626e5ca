"""Table of users, and the ids of new rows in any table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
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
from genkan.types import User


class Users:
    """Queries on the table of users. Each runs in the database session of the caller."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._stores_milliseconds: bool | None = None

    def by_id(self, id: object) -> ColumnElement[bool]:
        """Return the condition that selects the user with that id."""
        return self.table.c.id == id

    def by_email(self, email: str) -> ColumnElement[bool]:
        """Return the condition that selects the user with that email address. It ignores case."""
        return func.lower(self.table.c.email) == email.lower()

    def find(self, session: Session, condition: ColumnElement[bool]) -> User | None:
        """Return the user who matches the condition, or None."""
        row = session.execute(select(self.table).where(condition)).first()
        return None if row is None else _user(row)

    def list(self, session: Session) -> list[User]:
        """Return all users, ordered by email address."""
        users = [_user(row) for row in session.execute(select(self.table))]
        return sorted(users, key=lambda user: (user.email or "", user.id))

    def insert(self, session: Session, id: Any, user: User) -> User:
        """Insert a user and return it as stored."""
        values = {
            "id": id,
            "name": user.name,
            "email": user.email.lower() if user.email else None,
            "emailVerified": self._timestamp(session, user.email_verified),
            "image": user.image,
            "role": user.role or DEFAULT_ROLE,
        }
        return _user(session.execute(insert(self.table).values(values).returning(*self.table.c)).one())

    def update(self, session: Session, id: str, values: Mapping[str, Any]) -> User | None:
        """Update columns of one user and return the stored user. None if no user has that id."""
        if not values:
            return self.find(session, self.by_id(id))
        if "emailVerified" in values:
            values = {**values, "emailVerified": self._timestamp(session, values["emailVerified"])}
        statement = update(self.table).where(self.by_id(id)).values(values).returning(*self.table.c)
        row = session.execute(statement).first()
        return None if row is None else _user(row)

    def release_email(self, session: Session, email: str) -> None:
        """Remove the email address from a user who has it unverified. A verified address stays."""
        is_unverified = self.table.c.emailVerified.is_(None)
        session.execute(update(self.table).where(self.by_email(email), is_unverified).values(email=None))

    def disabled_since(self, now: int) -> ColumnElement[int]:
        """Return the value for `disabledAt` of a user who is disabled now, or was disabled earlier."""
        return func.coalesce(self.table.c.disabledAt, now)

    def lock(self, session: Session, id: str) -> None:
        """Lock the user's row until the transaction ends. Another call for the same user waits."""
        # FOR NO KEY UPDATE: rows that refer to the user can be inserted meanwhile.
        session.execute(select(self.table.c.id).where(self.by_id(id)).with_for_update(key_share=True))

    def delete(self, session: Session, id: str) -> None:
        """Delete the user."""
        session.execute(delete(self.table).where(self.by_id(id)))

    def _timestamp(self, session: Session, time: datetime | None) -> Any:
        """Return the time in the column's type: milliseconds since 1970 if the column is an integer."""
        if time is None:
            return None
        if self._stores_milliseconds is None:
            columns = inspect(session.connection()).get_columns(self.table.name)
            column_type = next(column["type"] for column in columns if column["name"] == "emailVerified")
            self._stores_milliseconds = isinstance(column_type, Integer)
        return literal(round(time.timestamp() * 1000), BigInteger) if self._stores_milliseconds else time


class IdGenerator:
    """Ids of new rows. The database generates integer ids, and all others are UUIDs."""

    def __init__(self) -> None:
        self._is_generated: dict[str, bool] = {}

    def __call__(self, session: Session, table: Table, id: str = "") -> Any:
        """Return the id for `insert`. `id` is used if it is not empty and the column is not an integer."""
        # The column type is read once for each table.
        if table.name not in self._is_generated:
            columns = inspect(session.connection()).get_columns(table.name)
            column_type = next(column["type"] for column in columns if column["name"] == "id")
            self._is_generated[table.name] = isinstance(column_type, Integer)
        if not self._is_generated[table.name]:
            return id or str(uuid4())
        return null() if session.get_bind().dialect.name == "sqlite" else literal_column("DEFAULT")


def _user(row: Row[Any]) -> User:
    role, disabled = row.role or DEFAULT_ROLE, row.disabledAt is not None
    return User(row.id, row.name, row.email, row.image, role, row.emailVerified, disabled, bool(row.nameOverridden))
