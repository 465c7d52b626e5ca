"""Users of the application in the same database: linked to ours, created with them, and gone with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from weakref import WeakSet

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    delete,
    event,
    inspect,
    or_,
    select,
    text,
)
from sqlalchemy.exc import DataError, IntegrityError, StatementError
from sqlalchemy.orm import Mapper, ORMExecuteState, Session

from genkan.adapters.own_users import UserHooks
from genkan.adapters.sqlalchemy.database import Database, Executor, adapter_errors, dialect_name
from genkan.adapters.sqlalchemy.revocations import Revocations
from genkan.adapters.sqlalchemy.tables import APPLICATION_USER, Tables
from genkan.errors import AccessDenied, AuthError, ConfigurationError
from genkan.types import Identity, User

LIFETIME = 90 * 24 * 3600
"""Seconds. The maximum lifetime of a session, for deletions in a program that has not read the settings."""

VERIFIED_COLUMN_WORDS = ("confirm", "verif", "valid")
"""Parts of the names of columns that say if an address is verified."""

_LISTENER = "genkan_listener"
"""Key in the `info` of the metadata. Alembic would write the `info` of a table into its scripts."""


class RowRefused(AccessDenied):
    """Refusal of a row by the application's own table."""


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

        Raises AccessDenied if the application's table refuses the row, and AdapterError for any other failure.
        """
        session = self._session()
        try:
            yield session
            with _refusals():
                session.commit()
        except BaseException:
            session.rollback()
            raise

    def find_or_create(self, session: Session, identity: Identity) -> tuple[object, bool]:
        """Return the primary key of the application's user for an identity, and True if this call created the user.

        Raises AccessDenied if the hooks refuse, or if the user is not active.
        """
        own_user = self._call_existing_user(identity)
        if own_user is None:
            own_user = self._call("new_user", self._hooks.new_user, identity)
        if own_user is None:
            raise AccessDenied("new_user returned None")
        if not isinstance(own_user, self._model):
            raise AccessDenied(f"new_user: it returned no {self._model.__name__}")
        is_new = bool(inspect(own_user).transient)
        with _refusals():
            session.add(own_user)
            session.flush()
        if not _is_active(own_user):
            raise AccessDenied("disabled")
        return inspect(own_user).mapper.primary_key_from_instance(own_user)[0], is_new

    def connection(self, session: Session) -> Connection:
        """Return the connection of the application's session, for our own rows in the same transaction."""
        with adapter_errors():
            return session.connection(bind_arguments={"mapper": inspect(self._model)})

    def describe(self, user: User) -> User | None:
        """Return our user with the role of the application's, disabled if that one is not active.

        None if it is gone. Raises AccessDenied if the role callback fails.
        """
        with self._database.read() as session:
            own_user = session.scalars(self._linked_to(user.id)).first()
            if own_user is None:
                return None
            role = self._call("role", self._hooks.role, own_user) if self._hooks.role else user.role
            disabled = user.disabled or not _is_active(own_user)
        return replace(user, role=role, disabled=disabled)

    def load(self, user_id: str) -> Any:
        """Return the application's user, in the application's session. None if there is none."""
        with adapter_errors():
            return self._session().scalars(self._linked_to(user_id)).first()

    def find_id(self, own_user: Any) -> str | None:
        """Return the id of our user who is linked to this one, an object or a primary key. None if there is none."""
        key = (
            inspect(own_user).mapper.primary_key_from_instance(own_user)[0]
            if isinstance(own_user, self._model)
            else own_user
        )
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

    def _linked_to(self, user_id: str) -> Select[Any]:
        users = self._tables.users
        return select(self._model).join(users, users.c[APPLICATION_USER] == self._key).where(users.c.id == user_id)

    def _orphans(self) -> Select[tuple[str]]:
        return select(self._users.id).where(self._is_orphan())

    def _is_orphan(self) -> ColumnElement[bool]:
        return self._users[APPLICATION_USER].is_(None)

    def _delete(self, session: Executor, ids: Select[tuple[str]]) -> None:
        for id in [row.id for row in session.execute(ids)]:
            self._revocations.end_sessions(session, id)
            # Not left to foreign keys, which SQLite enforces only if the application says so.
            for table in (self._tables.sessions, self._tables.activity):
                session.execute(delete(table).where(table.c.user_id == id))
            session.execute(delete(self._tables.accounts).where(self._tables.accounts.c.userId == id))
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


class _Listener:
    """Ends the sessions of a user whom the application deletes, or whose primary key it uses again."""

    def __init__(self, own_users: SQLAlchemyOwnUsers, model: type[Any], table: Table) -> None:
        self.own_users = own_users
        self._model, self._table = model, table
        self._engines: WeakSet[Engine] = WeakSet()
        event.listen(model, "before_delete", self._delete_linked, propagate=True)
        # A user that is new has no link, so one that exists is from a user who had the same primary key.
        event.listen(model, "after_insert", self._delete_linked, propagate=True)
        event.listen(Session, "do_orm_execute", self._delete_missing)

    def _delete_linked(self, mapper: Mapper[Any], connection: Connection, target: Any) -> None:
        if self._has_tables(connection):
            self.own_users.delete_linked(connection, mapper.primary_key_from_instance(target)[0])

    def _delete_missing(self, state: ORMExecuteState) -> Any:
        mapper = state.bind_mapper
        if not state.is_delete or mapper is None or not issubclass(mapper.class_, self._model):
            return None
        result = state.invoke_statement()
        connection = state.session.connection(bind_arguments={"mapper": mapper})
        if self._has_tables(connection):
            self.own_users.delete_missing(connection)
        return result

    def _has_tables(self, connection: Connection) -> bool:
        """Return False while the application's migrations have not created our tables yet."""
        engine = connection.engine
        if engine not in self._engines and inspect(connection).has_table(self._table.name, self._table.schema):
            self._engines.add(engine)
        return engine in self._engines


def register(own_users: SQLAlchemyOwnUsers, model: type[Any], tables: Tables) -> None:
    """Listen to the deletions and insertions of the application's users.

    Once for each model, however many applications of one process use it. The settings of the last one count.
    """
    info = tables.users.metadata.info
    listener: _Listener | None = info.get(_LISTENER)
    if listener is None:
        info[_LISTENER] = _Listener(own_users, model, tables.users)
    else:
        listener.own_users = own_users


def _is_active(own_user: Any) -> bool:
    is_active = getattr(own_user, "is_active", None)
    return is_active is None or bool(is_active)


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise AccessDenied if a constraint or a type of the application's table refuses a row."""
    try:
        with adapter_errors():
            yield
    except Exception as error:
        cause = error.__cause__
        is_refusal = isinstance(cause, (IntegrityError, DataError)) or type(cause) is StatementError
        if not is_refusal:
            raise
        raise RowRefused(f"new_user: the table refused the row ({type(cause).__name__})") from error
