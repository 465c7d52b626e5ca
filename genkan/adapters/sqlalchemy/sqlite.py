"""SQLite for several writers: a private file, WAL mode and explicit transactions."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from genkan.errors import ConfigurationError


def create_file(url: URL) -> URL:
    """Create the file (mode 0600) and its folder, and return the URL to connect to.

    Raises ConfigurationError for a database in memory, and OSError if the file cannot be created.
    """
    if not url.database or url.database == ":memory:":
        raise ConfigurationError("DATABASE_URL: connections cannot share a SQLite database in memory. Name a file")
    path = Path(url.database).absolute()
    _create_private_file(path)
    # mode=rw: a file that was deleted while the application runs is an error. SQLite would create an empty database.
    return url.set(database=f"file:{quote(str(path))}", query={**url.query, "mode": "rw", "uri": "true"})


def _create_private_file(path: Path) -> None:
    # SQLite gives the WAL file the same mode. An existing file is not opened here, because closing it would release
    # the locks that this process holds on it.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise ConfigurationError("DATABASE_URL: it names a folder or a device. Name a file") from None
        for existing in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            with suppress(FileNotFoundError, PermissionError):
                existing.chmod(0o600)


def configure(engine: Engine) -> Engine:
    """Set up the engine's connections and transactions, and return the engine.

    A transaction with the execution option `writes` takes the write lock when it begins. Other transactions never take
    it.
    """
    event.listen(engine, "connect", _configure_connection)
    event.listen(engine, "checkout", _check_file)
    event.listen(engine, "begin", _begin)
    return engine


def begin_immediate(connection: Connection, *, wait: bool) -> None:
    """Take the write lock for a transaction of the application's engine, unless it has begun one.

    Without `wait`, the database's error is raised at once if another connection has the lock.
    """
    # The driver begins a transaction at the first write only, so rows read before that could have changed.
    if getattr(connection.connection.driver_connection, "in_transaction", True):
        return
    if wait:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    timeout = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {timeout:d}")


def _configure_connection(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    name = connection.execute("PRAGMA database_list").fetchone()[2]
    record.info["file"] = (name, Path(name).stat().st_ino)
    connection.execute("PRAGMA foreign_keys=ON")
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode=WAL")


def _check_file(connection: sqlite3.Connection, record: ConnectionPoolEntry, proxy: PoolProxiedConnection) -> None:
    # Open connections would otherwise continue to write to a file that was deleted or replaced.
    name, inode = record.info["file"]
    with suppress(OSError):
        if Path(name).stat().st_ino == inode:
            return
    raise DisconnectionError


def _begin(connection: Connection) -> None:
    # By default the driver begins a transaction at the first write, so rows read before that could have changed.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
