"""Adapters and session stores over a database, as tests need them."""

from __future__ import annotations

import shutil
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore, migrations, models
from genkan.crypto.sealer import Clock

LIFETIME = 90 * 86_400

_folder = TemporaryDirectory(prefix="genkan-tests-")
_numbers = count(1)


def new_database() -> Database:
    """Return a new, empty SQLite database. A copy of a migrated file takes a hundredth of migrating."""
    path = Path(_folder.name) / f"{next(_numbers)}.db"
    shutil.copyfile(_migrated(), path)
    return Database(f"sqlite:///{path}")


def database_for(request: pytest.FixtureRequest) -> Database:
    """Return a new, empty database of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        return new_database()
    url: str = request.getfixturevalue("postgres_url")
    migrations.upgrade(url)
    return Database(url)


def adapter_in(database: Database, clock: Clock) -> SQLAlchemyAdapter:
    """Return an adapter; what it seals is the same text backwards."""
    tables = models.User, models.Account, models.UsedToken
    return SQLAlchemyAdapter(database, *tables, seal=lambda text: text[::-1], open=lambda text: text[::-1], clock=clock)


def store_in(database: Database, lifetime: int = LIFETIME) -> SQLAlchemySessionStore:
    """Return a session store; what it seals is the same text backwards."""
    return SQLAlchemySessionStore(
        database,
        users=models.User,
        sessions=models.SessionRecord,
        revocations=models.Revocation,
        activity=models.Activity,
        lifetime=lifetime,
        seal=lambda text: text[::-1],
        open=lambda text: text[::-1],
    )


@cache
def _migrated() -> Path:
    path = Path(_folder.name) / "migrated.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path
