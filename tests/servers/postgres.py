"""PostgreSQL server with its data in a temporary folder. It runs as another user than root, as PostgreSQL requires."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from genkan.adapters.sqlalchemy import migrations
from tests.servers.process import Process, free_port, missing

BINARIES = "/usr/lib/postgresql"

MIGRATED = "migrated"
"""Name of the database that is copied."""


class PostgreSQL:
    """Server on 127.0.0.1. `database()` creates a new, empty database, and `migrated_database()` one with our tables."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="genkan-postgres-"))
        self._data = str(self._folder / "data")
        self._numbers = itertools.count(1)
        self._has_template = False
        self.port = free_port()
        settings = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self._folder)}
        command = [str(binaries / "postgres"), "-D", self._data, "-p", str(self.port)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self._process = Process(command, "database system is ready to accept connections", _as_postgres())

    def create(self) -> None:
        """Create the files of a new server."""
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        initdb = ["setpriv", *_as_postgres(), str(self._binaries / "initdb"), "-D", self._data, "--no-sync"]
        options = ["-A", "trust", "-U", "postgres", "--encoding=UTF8", "--locale=C"]
        subprocess.run([*initdb, *options], check=True, capture_output=True)

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._process.start()

    def stop(self) -> None:
        """Stop the server at once. Committed data is kept for the next start."""
        self._process.stop(signal.SIGINT)

    def remove(self) -> None:
        """Stop the server and delete its files."""
        self._process.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Create a database like `template`, yield its URL and drop it at the end."""
        name = f"test_{next(self._numbers)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield self._url(name)
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    @contextmanager
    def migrated_database(self) -> Iterator[str]:
        """Do the same with our tables. Copying a migrated database takes a fifth of the time of a migration."""
        if not self._has_template:
            self._execute(f'CREATE DATABASE "{MIGRATED}"')
            migrations.upgrade(self._url(MIGRATED))
            self._has_template = True
        with self.database(MIGRATED) as url:
            yield url

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def _execute(self, statement: str) -> None:
        conninfo = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """Run a server during the block."""
    found = sorted(Path(BINARIES).glob("*/bin/initdb"))
    if not found:
        missing("PostgreSQL", "postgresql")
    server = PostgreSQL(found[-1].parent)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.remove()


def _as_postgres() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["--reuid=postgres", "--regid=postgres", "--init-groups"]
