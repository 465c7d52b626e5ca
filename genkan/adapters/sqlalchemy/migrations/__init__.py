"""Migrations of the database schema, applied by one process at a time. This is the only package that uses Alembic."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from genkan.adapters.sqlalchemy import Database
from genkan.adapters.sqlalchemy.tables import Naming
from genkan.errors import ConfigurationError

LOCK_TIMEOUT = 60.0
"""Seconds that a process waits for another one to finish its migration in SQLite."""

LOCK = 0x67656E6B616E
"""Key of the PostgreSQL advisory lock that serializes migrations: "genkan" in ASCII."""

UNSUPPORTED_TABLES = frozenset({"user", "User", "account", "Account"})
"""Table names of Auth.js's adapters for Prisma, Drizzle and others. These tables are not adopted."""

VERSION_TABLES: Mapping[Naming, str] = {"authjs": "alembic_version", "genkan": "genkan_version"}
"""Name of the table with the version of the schema. Alembic's default name could be that of another application."""

_log = logging.getLogger("genkan.migrations")


def upgrade(database_url: str, naming: Naming = "authjs") -> None:
    """Migrate the database to the newest schema. Concurrent calls of several processes migrate it once.

    All migrations run in one transaction. Raises ConfigurationError with the remedy if an existing database cannot be
    adopted, and AdapterError if the database cannot be reached.
    """
    database = Database(database_url, timeout=LOCK_TIMEOUT)
    try:
        database.run(lambda session: _upgrade(session.connection(), naming))
    finally:
        database.close()


def pending(database_url: str, naming: Naming = "authjs") -> bool:
    """Return True if `upgrade` would migrate the database. Raises AdapterError if the database cannot be reached."""
    return _current_heads(database_url, naming) != set(ScriptDirectory.from_config(_config(naming)).get_heads())


def require_current(database_url: str, naming: Naming = "authjs") -> None:
    """Raise ConfigurationError if the schema is not that of this release.

    Raises AdapterError if the database cannot be reached.
    """
    heads, script = _current_heads(database_url, naming), ScriptDirectory.from_config(_config(naming))
    _check_not_newer(heads, script)
    if heads != set(script.get_heads()):
        variable = "DATABASE_URL" if naming == "authjs" else "GENKAN_DATABASE_URL"
        raise ConfigurationError(
            f"{variable}: the tables do not exist or belong to an earlier release. Run `flask genkan upgrade` first."
        )


def _current_heads(database_url: str, naming: Naming) -> set[str]:
    database = Database(database_url)
    try:
        with database.read() as session:
            return _heads(session.connection(), naming)
    finally:
        database.close()


def _heads(connection: Connection, naming: Naming) -> set[str]:
    options = {"version_table": VERSION_TABLES[naming]}
    return set(MigrationContext.configure(connection, opts=options).get_current_heads())


def _upgrade(connection: Connection, naming: Naming) -> None:
    _acquire_lock(connection)
    config = _config(naming)
    config.attributes["connection"] = connection
    _check_not_newer(_heads(connection, naming), ScriptDirectory.from_config(config))
    if naming == "authjs":
        _warn_about_unsupported_tables(connection)
    command.upgrade(config, "head")


def _check_not_newer(heads: set[str], script: ScriptDirectory) -> None:
    if heads - {known.revision for known in script.walk_revisions()}:
        raise ConfigurationError(
            "DATABASE_URL: a newer release, or one from before 0.1, has migrated this database. Run that release, restore a "
            "backup, or use a new database."
        )


def _warn_about_unsupported_tables(connection: Connection) -> None:
    tables = set(inspect(connection).get_table_names())
    found = sorted(UNSUPPORTED_TABLES & tables)
    if found and "users" not in tables:
        _log.warning(
            "DATABASE_URL: the database has %s, but no table users. Tables of other Auth.js adapters are not adopted, so "
            "the new tables users and accounts start empty. docs/decisions.md lists the supported tables.",
            ", ".join(found),
        )


def _acquire_lock(connection: Connection) -> None:
    # In SQLite the transaction holds the write lock. PostgreSQL's lock ends with the transaction, so that it works with
    # a connection pooler.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _config(naming: Naming) -> Config:
    config = Config()
    config.attributes |= {"naming": naming, "version_table": VERSION_TABLES[naming]}
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
