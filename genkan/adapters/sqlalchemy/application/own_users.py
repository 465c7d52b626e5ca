"""Users of the application in the same database: linked to ours, and created with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, delete, insert, inspect, or_, select, text
from sqlalchemy.orm import Session

from genkan.adapters.own_users import UserHooks
from genkan.adapters.sqlalchemy.application.inserted import inserted_objects
from genkan.adapters.sqlalchemy.application.refusals import is_active, refusals
from genkan.adapters.sqlalchemy.database import Database, Executor, UniqueViolation, adapter_errors, dialect_name
from genkan.adapters.sqlalchemy.revocations import Revocations
from genkan.adapters.sqlalchemy.tables import APPLICATION_USER, Tables
from genkan.adapters.sqlalchemy.users import IdGenerator, Users
from genkan.errors import AccessDenied, AuthError, ConfigurationError
from genkan.types import Identity, User

LIFETIME = 90 * 24 * 3600
"""Seconds. The maximum lifetime of a session, for deletions in a program that has not read the settings."""

VERIFIED_COLUMN_WORDS = ("confirm", "verif", "valid")
"""Parts of the names of columns that say if an address is verified."""


class SQLAlchemyOwnUsers:
    """Implementation of `genkan.adapters.own_users.OwnUsers`.

    `session` returns the application's own session, in which its objects are created and loaded.
    """

    def __init__(
        self,
        model: type[Any],
        tables: Tables,
        *,
        database: Database,
        session: Callable[[], Session],
        hooks: UserHooks,
        lifetime: int = LIFETIME,
    ) -> None:
        self._model, self._key = model, primary_key(model)
        self._tables, self._users = tables, tables.users.c
        self._database, self._session, self._hooks = database, session, hooks
        self._revocations = Revocations(database, tables, lifetime=lifetime)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a transaction in the application's session. It is committed at the end, or rolled back if the block raises.

        Raises AccessDenied if the application refuses the row, and AdapterError if the database fails.
        """
        with refusals("session"):
            session = self._session()
        try:
            yield session
            with refusals("new_user"):
                session.commit()
        except BaseException:
            session.rollback()
            raise

    def find_or_create(self, session: Session, identity: Identity) -> tuple[object, bool]:
        """Return the primary key of the application's user for an identity, and True if this call created the user.

        Raises AccessDenied if the hooks refuse, or if the user is not active.
        """
        own_user, is_new = self._call_existing_user(identity), False
        if own_user is None:
            with inserted_objects() as inserted:
                own_user = self._add(session, self._call("new_user", self._hooks.new_user, identity))
            is_new = any(own_user is created for created in inserted)
            if not is_new and identity.email is None:
                # A hook that looks for the address of a stranger may find another person's user.
                raise AccessDenied("new_user: it returned a user who exists, for an address that is not verified")
        else:
            self._add(session, own_user)
        with refusals("is_active"):
            if not is_active(own_user):
                raise AccessDenied("disabled")
            self._role(own_user, None)
            return inspect(own_user).mapper.primary_key_from_instance(own_user)[0], is_new

    def owns(self, value: object) -> bool:
        """Return True if this is an object of the application's class of users."""
        return isinstance(value, self._model)

    def link(self, own_user: Any, user: User) -> tuple[User, bool]:
        """Return our user who is linked to this object of the application, and True if the object is stored by this
        call."""
        try:
            return self._link(own_user, user)
        except UniqueViolation:
            # A concurrent sign-in has linked the same object.
            return self._link(own_user, user)

    def connection(self, session: Session) -> Connection:
        """Return the connection of the application's session, for our own rows in the same transaction."""
        with adapter_errors():
            # The clause lets a session that has replicas choose the database for writing.
            clause = insert(self._tables.users)
            return session.connection(bind_arguments={"mapper": inspect(self._model), "clause": clause})

    def describe(self, user: User) -> User | None:
        """Return our user with the role of the application's, disabled if that one is not active.

        None if it is gone, or if the application's session hides it. Raises AccessDenied if the role callback fails.
        """
        own_user = self.load(user.id)
        if own_user is None:
            return None
        with refusals("is_active"):
            disabled = user.disabled or not is_active(own_user)
        return replace(user, role=self._role(own_user, user.role), disabled=disabled)

    def exists(self, user_id: str) -> bool:
        """Return True if the row of the application's user exists, also if the application's session hides it."""
        users = self._tables.users
        linked = select(self._key).join(users, users.c[APPLICATION_USER] == self._key).where(users.c.id == user_id)
        with self._database.read() as session:
            return session.execute(linked).first() is not None

    def load(self, user_id: str) -> Any:
        """Return the application's user, in the application's session. None if there is none."""
        users = self._tables.users
        linked = select(self._model).join(users, users.c[APPLICATION_USER] == self._key).where(users.c.id == user_id)
        with adapter_errors():
            session = self._session()
            # What the application has added may be incomplete, and it is written when the application says so.
            with session.no_autoflush:
                return session.scalars(linked).first()

    def find_id(self, own_user: Any) -> str | None:
        """Return the id of our user who is linked to this one, an object or a primary key. None if there is none."""
        key: Any = own_user
        if isinstance(own_user, self._model):
            identity = inspect(own_user).identity
            key = None if identity is None else identity[0]
        elif isinstance(own_user, str):
            key = self._parse_key(own_user)
        if key is None:
            return None
        with self._database.read() as session:
            return session.execute(select(self._users.id).where(self._users[APPLICATION_USER] == key)).scalar()

    def findings(self) -> list[tuple[str, str]]:
        """Return a problem and its remedy where an address may not be verified, or a deletion may not be seen."""
        columns = [column.name.lower() for column in self._model.__table__.columns]
        has_column = any(word in name for name in columns for word in VERIFIED_COLUMN_WORDS)
        with self._database.read() as session:
            is_sqlite = dialect_name(session) == "sqlite"
            has_foreign_keys = not is_sqlite or bool(session.execute(text("PRAGMA foreign_keys")).scalar())
        found = []
        if self._hooks.existing_user and not has_column:
            problem = (
                f"existing_user: {self._model.__name__} has no column that says if the application has verified the "
                "address, so another person may have registered it first."
            )
            found.append((problem, "Add one, or let the hook remove that user's password and sessions."))
        if not has_foreign_keys:
            problem = (
                "Foreign keys are off in SQLite, so a user who is deleted in SQL keeps the sessions for two minutes."
            )
            found.append((problem, "Run PRAGMA foreign_keys=ON for each connection, or call accounts.forget then."))
        return found

    def end_orphans(self) -> None:
        """Delete each of our users whose application's user was deleted by a foreign key, and end the sessions."""
        with self._database.read() as session:
            if session.execute(self._orphans().limit(1)).first() is None:
                return
        self._database.try_run(lambda session: self._delete(session, self._orphans()))

    def delete_linked(self, session: Executor, key: object) -> None:
        """Delete our user who is linked to this primary key, in the transaction of the application. End the sessions."""
        self._delete(session, select(self._users.id).where(self._users[APPLICATION_USER] == key))

    def delete_missing(self, session: Executor) -> None:
        """Delete each of our users whose application's user does not exist any more, and end the sessions."""
        exists = select(self._key).where(self._key == self._users[APPLICATION_USER]).exists()
        self._delete(session, select(self._users.id).where(or_(self._is_orphan(), ~exists)))

    def _link(self, own_user: Any, user: User) -> tuple[User, bool]:
        users = Users(self._tables.users)
        with self.transaction() as session, adapter_errors():
            with inserted_objects() as inserted:
                self._add(session, own_user)
            with refusals("is_active"):
                if not is_active(own_user):
                    raise AccessDenied("disabled")
                key = inspect(own_user).mapper.primary_key_from_instance(own_user)[0]
            connection = self.connection(session)
            stored = users.find(connection, users.by_application_user(key), lock=True)
            if stored is None:
                stored = users.insert(connection, IdGenerator()(connection, users.table), user, key)
            elif stored.disabled:
                raise AccessDenied("disabled")
        described = self.describe(stored)
        if described is None:
            raise AccessDenied("the application hides its user")
        return described, any(own_user is created for created in inserted)

    def _add(self, session: Session, own_user: Any) -> Any:
        if own_user is None:
            raise AccessDenied("new_user returned None")
        if not isinstance(own_user, self._model):
            raise AccessDenied(f"new_user: it returned no {self._model.__name__}")
        with refusals("new_user"):
            session.add(own_user)
            session.flush()
        return own_user

    def _role(self, own_user: Any, default: str | None) -> str | None:
        if self._hooks.role is None:
            return default
        role = self._call("role", self._hooks.role, own_user)
        if role is not None and not isinstance(role, str):
            raise AccessDenied("role: it returned no text")
        return role

    def _parse_key(self, key: str) -> Any:
        """Return the text of a primary key, as in `auth().user.id`, in the column's type. None if it is none."""
        try:
            python_type: type[Any] = self._key.type.python_type
            return key if python_type is str else python_type(key)
        except NotImplementedError:
            return key
        except ValueError:
            return None

    def _orphans(self) -> Select[tuple[str]]:
        return select(self._users.id).where(self._is_orphan())

    def _is_orphan(self) -> ColumnElement[bool]:
        return self._users[APPLICATION_USER].is_(None)

    def _delete(self, session: Executor, ids: Select[tuple[str]]) -> None:
        for id in [row.id for row in session.execute(ids)]:
            self._revocations.end_sessions(session, id)
            # Not left to foreign keys, which SQLite enforces only if the application says so.
            for table in self._tables:
                column = table.c.get("user_id", table.c.get("userId"))
                if column is not None:
                    session.execute(delete(table).where(column == id))
            session.execute(delete(self._tables.users).where(self._users.id == id))

    def _call_existing_user(self, identity: Identity) -> Any:
        hook, providers = self._hooks.existing_user, self._hooks.existing_user_providers
        # An address that is not verified may be another person's, who would get this user's data.
        if hook is None or identity.email is None or (providers is not None and identity.provider not in providers):
            return None
        return self._call("existing_user", hook, identity)

    def _call(self, name: str, hook: Callable[[Any], Any] | None, argument: Any) -> Any:
        if hook is None:
            return None
        try:
            return hook(argument)
        except AuthError:
            raise
        except Exception as error:
            raise AccessDenied(f"{name}: {type(error).__name__}") from error


def primary_key(model: type[Any]) -> Column[Any]:
    """Return the only column of the model's primary key. Raises ConfigurationError if it has several."""
    columns = inspect(model).primary_key
    if len(columns) != 1 or not isinstance(columns[0], Column):
        raise ConfigurationError(f"user: {model.__name__} has no primary key of one column. Give a class that has one.")
    return columns[0]
