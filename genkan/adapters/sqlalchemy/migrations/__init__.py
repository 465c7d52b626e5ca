"""The schema's history, applied by one process at a time. Each step lives in versions/; nothing else knows Alembic."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from genkan.adapters.sqlalchemy import Database
from genkan.errors import ConfigurationError

LOCK_TIMEOUT = 60.0
"""Seconds that a SQLite writer waits for whoever is migrating already."""

LOCK = 0x67656E6B616E
"""The advisory lock that those who migrate one PostgreSQL database take turns on: "genkan" in ASCII."""

UNSUPPORTED_TABLES = frozenset({"user", "User", "account", "Account"})
"""What Prisma's, Drizzle's and others' adapters of Auth.js call their tables."""

_log = logging.getLogger("genkan.migrations")


def upgrade(database_url: str) -> None:
    """Brings the database to the newest schema, once, however many processes ask at the same time.

    All of it happens in one transaction: it is done whole or not at all. Raises ConfigurationError with the
    remedy when an existing database cannot be adopted, StoreError when the database cannot be reached.
    """
    database = Database(database_url, timeout=LOCK_TIMEOUT)
    try:
        database.run(lambda session: _upgrade(session.connection()))
    finally:
        database.close()


def pending(database_url: str) -> bool:
    """Whether `upgrade` has something to do. Raises StoreError when the database cannot be reached."""
    return _heads_of(database_url) != set(ScriptDirectory.from_config(_config()).get_heads())


def require_current(database_url: str) -> None:
    """Raises ConfigurationError where the schema is not this release's, StoreError where there is no telling."""
    heads, script = _heads_of(database_url), ScriptDirectory.from_config(_config())
    _refuse_what_is_newer(heads, script)
    if heads != set(script.get_heads()):
        raise ConfigurationError(
            "DATABASE_URL: the tables are not there, or those of an earlier release. Start `make serve` or `make run` first."
        )


def _heads_of(database_url: str) -> set[str]:
    database = Database(database_url)
    try:
        with database.read() as session:
            return set(MigrationContext.configure(session.connection()).get_current_heads())
    finally:
        database.close()


def _upgrade(connection: Connection) -> None:
    _wait_for_turn(connection)
    config = _config()
    config.attributes["connection"] = connection
    heads = set(MigrationContext.configure(connection).get_current_heads())
    _refuse_what_is_newer(heads, ScriptDirectory.from_config(config))
    _warn_of_other_layouts(connection)
    command.upgrade(config, "head")


def _refuse_what_is_newer(heads: set[str], script: ScriptDirectory) -> None:
    if heads - {known.revision for known in script.walk_revisions()}:
        raise ConfigurationError(
            "DATABASE_URL: a newer release has brought that database up to date. Start that release, or restore a backup."
        )


def _warn_of_other_layouts(connection: Connection) -> None:
    tables = set(inspect(connection).get_table_names())
    others = sorted(UNSUPPORTED_TABLES & tables)
    if others and "users" not in tables:
        _log.warning(
            "DATABASE_URL: there is %s, but no table users. What other adapters of Auth.js made is not adopted: "
            "everybody begins anew in users and accounts. docs/decisions.md says which layouts are.",
            ", ".join(others),
        )


def _wait_for_turn(connection: Connection) -> None:
    # SQLite's turn began with the transaction. PostgreSQL's ends with it, so that a pooler cannot lose the lock.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
