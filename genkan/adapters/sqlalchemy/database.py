"""Database connections with bounded waiting times. Every failure is an AdapterError."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, Table, create_engine, func, make_url, select, text
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InvalidRequestError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import Pool, QueuePool

from genkan.adapters.sqlalchemy import sqlite
from genkan.errors import AdapterError, ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.dialects import sqlite as sqlite_dialect

Result = TypeVar("Result")

Executor = Session | Connection
"""What runs statements: a session of ours, or a connection in a transaction of the application."""


_LOCK_TIMEOUT = text("SELECT set_config('lock_timeout', :timeout, true)")

_SERVER_TIME = select(func.extract("epoch", func.clock_timestamp()))


class UniqueViolation(AdapterError):
    """Violation of a unique key or another constraint, usually by a concurrent transaction."""


class Database:
    """Database for any number of threads. It connects at the first use.

    `engine` is an engine of the application, or a function that returns it, in place of `url`. It is used as it is.
    `timeout` is the time in seconds that a writer waits for other writers. `clock` takes the place of the database's
    clock. Raises ConfigurationError for a URL that cannot name a database.
    """

    def __init__(
        self,
        url: str = "",
        *,
        engine: Engine | Callable[[], Engine] | None = None,
        timeout: float = 5.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._url = None if engine is not None else _parse(url)
        self._given = engine
        self._timeout = timeout
        self._clock = clock
        self._lock = Lock()
        self._engine: Engine | None = None
        self._inherited: Pool | None = None
        _databases.add(self)

    @property
    def engine(self) -> Engine:
        """Engine, created at the first use. A SQLite file is created with it, readable by its owner only."""
        with self._lock:
            if self._engine is None:
                with adapter_errors(), _configuration_errors():
                    self._engine = self._make_engine()
            return self._engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for reading. It never waits for a writer."""
        with adapter_errors(), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self, *, wait: bool = True) -> Iterator[Session]:
        """Open a session for writing. It is committed at the end, or rolled back if the block raises.

        Without `wait`, a lock on an application's SQLite database raises AdapterError at once.
        """
        with adapter_errors(), Session(self.engine.execution_options(writes=True)) as session, session.begin():
            if self.engine.dialect.name == "postgresql":
                # Not as an option of the connection, which PgBouncer refuses.
                session.execute(_LOCK_TIMEOUT, {"timeout": f"{self._timeout}s"})
            elif self._given is not None:
                sqlite.begin_immediate(session.connection(), wait=wait)
            yield session

    def run(self, callback: Callable[[Session], Result]) -> Result:
        """Return what `callback` returns in a `write()` session of its own.

        A transaction that fails because of a concurrent one is repeated for `timeout` seconds.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                with self.write() as session:
                    return callback(session)
            except AdapterError as error:
                if not _is_retryable(error.__cause__) or time.monotonic() > deadline:
                    raise
            # A random delay, so that transactions that have collided once do not collide again.
            time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 (not used as a secret)

    def try_run(self, callback: Callable[[Session], Result]) -> Result | None:
        """Return what `callback` returns, like `run`. None if the application's SQLite database is locked.

        The lock may be that of the current request, which would wait for itself.
        """
        if self._given is None or self.engine.dialect.name != "sqlite":
            return self.run(callback)
        try:
            with self.write(wait=False) as session:
                return callback(session)
        except AdapterError as error:
            if not _is_retryable(error.__cause__):
                raise
            return None

    def now(self, session: Executor) -> float:
        """Return the time of the database's clock in seconds since 1970.

        One clock for all hosts, so that a wrong clock of one host decides nothing. SQLite has that of its host.
        """
        if self._clock is not None:
            return self._clock()
        if dialect_name(session) == "sqlite":
            return time.time()
        return float(session.execute(_SERVER_TIME).scalar_one())

    def close(self) -> None:
        """Close all idle connections of an engine of our own. The next use opens new ones."""
        if self._engine is not None and self._given is None:
            self._engine.dispose()

    def leave_connections(self) -> None:
        """Use no connection of the process that this one was forked from. That process goes on using them."""
        self._lock = Lock()
        if self._engine is not None and isinstance(self._engine.pool, QueuePool):
            # Kept, because a driver warns of a connection that is deleted while it is open.
            self._inherited = self._engine.pool
            self._engine.dispose(close=False)

    def _make_engine(self) -> Engine:
        if self._url is None:
            return _supported(self._given() if callable(self._given) else self._given)
        backend = self._url.get_backend_name()
        if backend == "sqlite":
            return sqlite.configure(_engine(sqlite.create_file(self._url), timeout=self._timeout, isolation_level=None))
        return _engine(self._url, **(_server_bounds(self._url) if backend == "postgresql" else {}))


_databases: WeakSet[Database] = WeakSet()


def _leave_connections() -> None:
    for database in list(_databases):
        database.leave_connections()


if hasattr(os, "register_at_fork"):
    # A server that preloads the application forks after the thread of the outbox has used a connection.
    os.register_at_fork(after_in_child=_leave_connections)


def describe_error(error: AdapterError) -> str:
    """Return a message of one line for the operator: the setting and the driver's message.

    It contains neither SQL nor parameters, and no part of the URL that the driver itself does not quote.
    """
    message = "DATABASE_URL: the database cannot be used. Correct the URL, or check the database that it names."
    driver_message = _driver_message(error.__cause__)
    return f"{message} The driver says: {driver_message}" if driver_message else message


def dialect_name(session: Executor) -> str:
    """Return the name of the database's kind: sqlite or postgresql."""
    return (session.get_bind() if isinstance(session, Session) else session).dialect.name


def insert_or_update(session: Executor, table: Table) -> sqlite_dialect.Insert | postgresql.Insert:
    """Return an INSERT that has `on_conflict_do_update`. Only the module of the database is imported: each takes 2 MiB."""
    module = import_module(f"sqlalchemy.dialects.{dialect_name(session)}")
    return module.insert(table)  # type: ignore[no-any-return]  # of either module


def table_of(model: type[DeclarativeBase]) -> Table:
    """Return the table of a declarative class. Raises TypeError if the class has none of its own."""
    table = model.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{model.__name__} is not mapped to a table of its own")
    return table


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a ValueError quotes the part of the URL that it read as the port
        raise ConfigurationError("DATABASE_URL is not a database URL such as sqlite:///genkan.db") from None
    check_supported(parsed.get_backend_name())
    return parsed


def _supported(engine: Engine | None) -> Engine:
    if engine is None:
        raise ConfigurationError("engine: the function returned none. Return the engine of the application.")
    check_supported(engine.dialect.name)
    return engine


def check_supported(dialect: str) -> None:
    """Raise ConfigurationError for a kind of database that lacks what revocations need."""
    if dialect in ("mysql", "mariadb"):
        raise ConfigurationError(
            "DATABASE_URL: MySQL and MariaDB are not supported. Give Genkan a PostgreSQL or SQLite database of its own."
        )


@contextmanager
def _configuration_errors() -> Iterator[None]:
    try:
        yield
    except (ImportError, NoSuchModuleError, InvalidRequestError) as error:
        message = "DATABASE_URL: there is no driver for this kind of database. Use sqlite:/// or postgresql://."
        raise ConfigurationError(message) from error
    except ValueError as error:
        message = "DATABASE_URL: one of its options has an invalid value. Correct the part after the question mark."
        raise ConfigurationError(message) from error


@contextmanager
def adapter_errors() -> Iterator[None]:
    """Raise AdapterError for an error of the database in the block, and UniqueViolation for a constraint."""
    # Messages do not contain the drivers' messages, which quote values. For a value that a driver cannot encode, it
    # raises a UnicodeError or OverflowError without wrapping it.
    try:
        yield
    except IntegrityError as error:
        raise UniqueViolation("the row violates a constraint of the database") from error
    except (SQLAlchemyError, OSError, UnicodeError, OverflowError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise AdapterError(f"the database failed ({type(cause).__name__})") from error


def _driver_message(error: BaseException | None) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    # The message of a DataError quotes the value. That of an error other than a DBAPIError contains the SQL.
    if not isinstance(error, DBAPIError) or isinstance(error, DataError):
        return "" if error is None else type(error).__name__
    # psycopg's full message has the SQL and, as "DETAIL", values of the row. Connection errors have no primary message.
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    return " ".join(str(primary or error.orig).split())


def _is_retryable(error: BaseException | None) -> bool:
    # PostgreSQL: serialization failure, deadlock. SQLite: busy, locked. In all of these cases nothing was committed.
    cause = error.orig if isinstance(error, DBAPIError) else None
    busy = getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return busy or getattr(cause, "sqlstate", None) in ("40001", "40P01")


def _engine(url: URL, **connect_args: object) -> Engine:
    # Twenty connections serve a worker's threads. A thread that gets none within two seconds raises AdapterError.
    return create_engine(
        url,
        connect_args=connect_args,
        hide_parameters=True,
        max_overflow=15,
        pool_pre_ping=url.get_backend_name() != "sqlite",
        pool_size=5,
        pool_timeout=2,
    )


def _server_bounds(url: URL) -> dict[str, object]:
    # tcp_user_timeout (milliseconds) makes the kernel detect a lost connection. Prepared statements are off, because a
    # pooler such as PgBouncer may run each transaction on another connection, which does not have them.
    bounds: dict[str, object] = {"connect_timeout": 2, "tcp_user_timeout": 5000, "prepare_threshold": None}
    return {name: value for name, value in bounds.items() if name not in url.query}
