"""New databases, and the adapter and session store for them."""

from __future__ import annotations

import shutil
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from genkan.adapters.sqlalchemy import (
    Database,
    Revocations,
    SQLAlchemyAdapter,
    SQLAlchemySessionStore,
    migrations,
)
from genkan.adapters.sqlalchemy.session_store import MAX_SESSIONS
from genkan.adapters.sqlalchemy.stores import OwnSchema, StoreSettings, open_stores
from genkan.adapters.sqlalchemy.tables import AUTHJS_TABLES
from genkan.adapters.stores import Stores
from genkan.crypto.sealer import Clock

LIFETIME = 90 * 86_400
SECRET = "tests-only-secret-that-protects-nothing-at-all"

_folder = TemporaryDirectory(prefix="genkan-tests-")
_numbers = count(1)


def new_database(clock: Clock | None = None) -> Database:
    """Return a new, empty SQLite database with this clock, or its own. Copying a migrated file takes a hundredth of the
    time of a migration."""
    path = Path(_folder.name) / f"{next(_numbers)}.db"
    shutil.copyfile(_migrated(), path)
    return Database(f"sqlite:///{path}", clock=clock)


def database_for(request: pytest.FixtureRequest, clock: Clock | None = None) -> Database:
    """Return a new, empty database of the kind of the fixture's parameter, sqlite or postgresql."""
    if request.param == "sqlite":
        return new_database(clock)
    url: str = request.getfixturevalue("migrated_postgres_url")
    return Database(url, clock=clock)


def adapter_in(database: Database) -> SQLAlchemyAdapter:
    """Return an adapter whose sealed values are the reversed text."""
    revocations = revocations_in(database)
    return SQLAlchemyAdapter(
        database, AUTHJS_TABLES, seal=lambda text: text[::-1], open=lambda text: text[::-1], revocations=revocations
    )


def store_in(database: Database, lifetime: int = LIFETIME, max_sessions: int = MAX_SESSIONS) -> SQLAlchemySessionStore:
    """Return a session store whose sealed values are the reversed text."""
    return SQLAlchemySessionStore(
        database,
        AUTHJS_TABLES,
        revocations=revocations_in(database, lifetime),
        max_sessions=max_sessions,
        seal=lambda text: text[::-1],
        open=lambda text: text[::-1],
    )


def stores_in(database: Database) -> Stores:
    """Return all stores."""
    settings = StoreSettings(secrets=[SECRET], lifetime=LIFETIME, max_sessions=MAX_SESSIONS)
    return open_stores(database, AUTHJS_TABLES, OwnSchema("", "authjs"), settings)


def revocations_in(database: Database, lifetime: int = LIFETIME) -> Revocations:
    """Return the table of revocations."""
    return Revocations(database, AUTHJS_TABLES, lifetime=lifetime)


@cache
def _migrated() -> Path:
    path = Path(_folder.name) / "migrated.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path
