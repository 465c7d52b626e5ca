"""The table of users, and how a new row of any table gets its id."""

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
    """What is done to that table, each within a session that its caller has begun."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._keeps_milliseconds: bool | None = None

    def by_id(self, id: object) -> ColumnElement[bool]:
        """The condition that finds one user."""
        return self.table.c.id == id

    def by_email(self, email: str) -> ColumnElement[bool]:
        """The same by address, upper and lower case being the same."""
        return func.lower(self.table.c.email) == email.lower()

    def find(self, session: Session, condition: ColumnElement[bool]) -> User | None:
        """The user of whom that holds."""
        row = session.execute(select(self.table).where(condition)).first()
        return None if row is None else _user(row)

    def list(self, session: Session) -> list[User]:
        """By address."""
        users = [_user(row) for row in session.execute(select(self.table))]
        return sorted(users, key=lambda user: (user.email or "", user.id))

    def insert(self, session: Session, id: Any, user: User) -> User:
        """A new user, as stored."""
        values = {
            "id": id,
            "name": user.name,
            "email": user.email.lower() if user.email else None,
            "emailVerified": self._moment(session, user.email_verified),
            "image": user.image,
            "role": user.role or DEFAULT_ROLE,
        }
        return _user(session.execute(insert(self.table).values(values).returning(*self.table.c)).one())

    def change(self, session: Session, id: str, values: Mapping[str, Any]) -> User | None:
        """Write new values for columns of one user, and return the stored user; None when there is none."""
        if not values:
            return self.find(session, self.by_id(id))
        if "emailVerified" in values:
            values = {**values, "emailVerified": self._moment(session, values["emailVerified"])}
        change = update(self.table).where(self.by_id(id)).values(values).returning(*self.table.c)
        row = session.execute(change).first()
        return None if row is None else _user(row)

    def disabled_since(self, now: int) -> ColumnElement[int]:
        """Return the value for `disabledAt` of a user who is disabled now, or was disabled earlier."""
        return func.coalesce(self.table.c.disabledAt, now)

    def lock(self, session: Session, id: str) -> None:
        """Whoever else wants to lock this user waits until the session is over."""
        session.execute(select(self.table.c.id).where(self.by_id(id)).with_for_update())

    def delete(self, session: Session, id: str) -> None:
        """The row is gone."""
        session.execute(delete(self.table).where(self.by_id(id)))

    def _moment(self, session: Session, moment: datetime | None) -> Any:
        """As the other application keeps it: milliseconds, where its column is of numbers. Looked up once."""
        if moment is None:
            return None
        if self._keeps_milliseconds is None:
            columns = inspect(session.connection()).get_columns(self.table.name)
            kind = next(column["type"] for column in columns if column["name"] == "emailVerified")
            self._keeps_milliseconds = isinstance(kind, Integer)
        return literal(round(moment.timestamp() * 1000), BigInteger) if self._keeps_milliseconds else moment


class IdGenerator:
    """What a new row says for its id: a number is the database's to give, everything else is ours."""

    def __init__(self) -> None:
        self._made_there: dict[str, bool] = {}

    def __call__(self, session: Session, table: Table, wanted: str = "") -> Any:
        """A value for `insert`: `wanted` if there is one and the column takes it."""
        # Looked up at the first insert, then known.
        if table.name not in self._made_there:
            columns = inspect(session.connection()).get_columns(table.name)
            kind = next(column["type"] for column in columns if column["name"] == "id")
            self._made_there[table.name] = isinstance(kind, Integer)
        if not self._made_there[table.name]:
            return wanted or str(uuid4())
        return null() if session.get_bind().dialect.name == "sqlite" else literal_column("DEFAULT")


def _user(row: Row[Any]) -> User:
    role, disabled = row.role or DEFAULT_ROLE, row.disabledAt is not None
    return User(row.id, row.name, row.email, row.image, role, row.emailVerified, disabled, bool(row.nameOverridden))
