"""A database that is reached at the first use, waits within bounds, and fails in one way: StoreError."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from sqlalchemy import URL, Engine, Table, create_engine, make_url
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

from genkan.adapters.sqlalchemy import sqlite
from genkan.errors import AdapterError, ConfigurationError

Result = TypeVar("Result")


class UniqueViolation(AdapterError):
    """A key that has to be unique is taken: somebody else was faster."""


class Database:
    """One database for any number of threads; nothing is opened before the first use.

    `patience` is how many seconds a writer waits for other writers. Raises ConfigurationError for a URL that
    cannot name a database.
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        try:
            self._url = make_url(url)
        except (ArgumentError, ValueError):  # the latter quotes what it took for a port
            raise ConfigurationError("DATABASE_URL is not a database URL such as sqlite:///genkan.db") from None
        self._patience = timeout
        self._lock = Lock()
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine, made once; a SQLite file is made with it, for its owner alone (docs/requirements.md P4)."""
        with self._lock:
            if self._engine is None:
                with _store_errors(), _driver_errors():
                    self._engine = self._make_engine()
            return self._engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; it never waits for a writer."""
        with _store_errors(), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose work is committed at the end, or undone whole when the block raises."""
        with _store_errors(), Session(self.engine.execution_options(writes=True)) as session, session.begin():
            yield session

    def run(self, work: Callable[[Session], Result]) -> Result:
        """What `work` returns from a `write()` of its own; begun anew, within `patience`, when it lost a race."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                with self.write() as session:
                    return work(session)
            except AdapterError as error:
                if not _lost_a_race(error.__cause__) or time.monotonic() > deadline:
                    raise
            # Jitter, so that those who collided once do not march in step into the next collision.
            time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 (chance, not a secret)

    def close(self) -> None:
        """Closes every idle connection; the next use opens new ones."""
        if self._engine is not None:
            self._engine.dispose()

    def _make_engine(self) -> Engine:
        backend = self._url.get_backend_name()
        if backend == "sqlite":
            return sqlite.configure(
                _engine(sqlite.create_file(self._url), timeout=self._patience, isolation_level=None)
            )
        return _engine(self._url, **(_server_bounds(self._url) if backend == "postgresql" else {}))


def describe_error(error: AdapterError) -> str:
    """Return one line for the person who started the program: the setting, and what the driver says.

    It holds neither SQL nor parameters, and nothing of the URL but what the driver itself repeats.
    """
    sentence = "DATABASE_URL: the database cannot be used. Correct the address, or see to the database that it names."
    words = _driver_words(error.__cause__)
    return f"{sentence} The driver says: {words}" if words else sentence


def table_of(model: type[DeclarativeBase]) -> Table:
    """The table a declarative class is mapped to; TypeError where it has none of its own."""
    table = model.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{model.__name__} is not mapped to a table of its own")
    return table


@contextmanager
def _driver_errors() -> Iterator[None]:
    try:
        yield
    except (ImportError, NoSuchModuleError, InvalidRequestError) as error:
        message = "DATABASE_URL: there is no driver for that database. Use sqlite:/// or postgresql://."
        raise ConfigurationError(message) from error
    except ValueError as error:
        message = (
            "DATABASE_URL: one of its options has a value that makes no sense. Correct what follows the question mark."
        )
        raise ConfigurationError(message) from error


@contextmanager
def _store_errors() -> Iterator[None]:
    # Our messages stay empty of the drivers' words, which quote values. A value that a driver cannot even encode
    # comes out of it as a bare UnicodeError or OverflowError.
    try:
        yield
    except IntegrityError as error:
        raise UniqueViolation("the database refused a row that breaks its rules") from error
    except (SQLAlchemyError, OSError, UnicodeError, OverflowError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise AdapterError(f"the database failed ({type(cause).__name__})") from error


def _driver_words(error: BaseException | None) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    # The text of a data error quotes the value. What is no DBAPIError has its SQL in its text.
    if not isinstance(error, DBAPIError) or isinstance(error, DataError):
        return "" if error is None else type(error).__name__
    # psycopg's full text has the SQL and, as "DETAIL", values of the row. While it connects, there is only a text.
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    return " ".join(str(primary or error.orig).split())


def _lost_a_race(error: BaseException | None) -> bool:
    # PostgreSQL: serialization failure, deadlock. SQLite: busy, locked. In all of them nothing was committed.
    cause = error.orig if isinstance(error, DBAPIError) else None
    busy = getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return busy or getattr(cause, "sqlstate", None) in ("40001", "40P01")


def _engine(url: URL, **connect_args: object) -> Engine:
    # Twenty connections serve a worker's threads; who gets none within two seconds is told so (F28).
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
    # A silent network is noticed by the kernel (milliseconds). Poolers such as PgBouncer may hand each transaction
    # another connection, and a statement prepared on the last one is not there.
    bounds: dict[str, object] = {"connect_timeout": 2, "tcp_user_timeout": 5000, "prepare_threshold": None}
    return {name: value for name, value in bounds.items() if name not in url.query}
