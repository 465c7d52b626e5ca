"""What SQLite needs to serve several writers safely: a private file, WAL, and transactions that begin when told to."""

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
    """The URL to connect to, its file (mode 0600) and folder there; raises OSError when they cannot be made."""
    if not url.database or url.database == ":memory:":
        raise ConfigurationError("DATABASE_URL: no two connections share a SQLite database in memory; name a file")
    path = Path(url.database).absolute()
    _create_privately(path)
    # mode=rw: a file that was deleted under us is an error, not a new empty database (docs/requirements.md F27).
    return url.set(database=f"file:{quote(str(path))}", query={**url.query, "mode": "rw", "uri": "true"})


def _create_privately(path: Path) -> None:
    # SQLite gives its WAL the mode of the file. An existing file is never opened here: closing it would drop
    # the locks that this process holds on it.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise ConfigurationError("DATABASE_URL: that is a folder or a device. Name a file") from None
        for existing in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            with suppress(FileNotFoundError, PermissionError):
                existing.chmod(0o600)


def configure(engine: Engine) -> Engine:
    """The same engine, its connections set up, its file watched and its transactions begun by us.

    A transaction with the execution option `writes` takes the write lock at its start, others never take it.
    """
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "checkout", _check_file)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    name = connection.execute("PRAGMA database_list").fetchone()[2]
    record.info["file"] = (name, Path(name).stat().st_ino)
    connection.execute("PRAGMA foreign_keys=ON")
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode=WAL")


def _check_file(connection: sqlite3.Connection, record: ConnectionPoolEntry, proxy: PoolProxiedConnection) -> None:
    # A deleted or replaced file would go on being written to, unseen, through the connections that hold it open.
    name, inode = record.info["file"]
    with suppress(OSError):
        if Path(name).stat().st_ino == inode:
            return
    raise DisconnectionError


def _begin(connection: Connection) -> None:
    # The driver by itself begins at the first write, so that what was read before that may be stale by then.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
