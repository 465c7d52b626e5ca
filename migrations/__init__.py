"""The schema's history, applied by one process at a time. Each step lives in versions/; nothing else knows Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from genkan.errors import ConfigurationError
from genkan.sqlalchemy import Database

PATIENCE = 60.0
"""Seconds that a SQLite writer waits for whoever is migrating already."""

LOCK = 0x67656E6B616E
"""The advisory lock that those who migrate one PostgreSQL database take turns on: "genkan" in ASCII."""


def upgrade(database_url: str) -> None:
    """Brings the database to the newest schema, once, however many processes ask at the same time.

    All of it happens in one transaction: it is done whole or not at all. Raises ConfigurationError with the
    remedy when an existing database cannot be adopted, StoreError when the database cannot be reached.
    """
    database = Database(database_url, patience=PATIENCE)
    try:
        database.run(lambda session: _upgrade(session.connection()))
    finally:
        database.close()


def pending(database_url: str) -> bool:
    """Whether `upgrade` has something to do. Raises StoreError when the database cannot be reached."""
    database = Database(database_url)
    try:
        with database.read() as session:
            current = MigrationContext.configure(session.connection()).get_current_heads()
    finally:
        database.close()
    return set(current) != set(ScriptDirectory.from_config(_config()).get_heads())


def _upgrade(connection: Connection) -> None:
    _wait_for_turn(connection)
    config = _config()
    config.attributes["connection"] = connection
    _refuse_what_is_newer(connection, config)
    command.upgrade(config, "head")


def _refuse_what_is_newer(connection: Connection, config: Config) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if set(MigrationContext.configure(connection).get_current_heads()) - known:
        raise ConfigurationError(
            "DATABASE_URL: a newer release has brought that database up to date. Start that release, or restore a backup."
        )


def _wait_for_turn(connection: Connection) -> None:
    # SQLite's turn began with the transaction. PostgreSQL's ends with it, so that a pooler cannot lose the lock.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
