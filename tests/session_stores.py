"""Each session store in turn, empty, with two people who may be kept in it: in memory, SQLite, PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import migrations
import models
from genkan.identity import Account, User
from genkan.session_memory import MemorySessionStore
from genkan.session_records import SessionStore
from genkan.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore
from tests.clock import FrozenClock

LIFETIME = 90 * 86_400
ADA, BOB = "ada", "bob"


@pytest.fixture(name="session_database", params=["sqlite", "postgresql"])
def _session_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    yield from _database(request.param, request, tmp_path)


@pytest.fixture(name="people")
def _people(session_database: Database, clock: FrozenClock) -> SQLAlchemyAdapter:
    """The adapter beside the store, with Ada and Bob in it."""
    return _inhabit(session_database, clock)


@pytest.fixture(name="stored")
def _stored(session_database: Database, people: SQLAlchemyAdapter) -> SQLAlchemySessionStore:
    """A store in a database."""
    return _store_in(session_database)


@pytest.fixture(name="store", params=["memory", "sqlite", "postgresql"])
def _store(request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock) -> Iterator[SessionStore]:
    """Any store."""
    if request.param == "memory":
        yield MemorySessionStore(lifetime=LIFETIME)
        return
    for database in _database(request.param, request, tmp_path):
        _inhabit(database, clock)
        yield _store_in(database)


def _database(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    on_disk = f"sqlite:///{folder / 'sessions.db'}"
    url = on_disk if kind == "sqlite" else request.getfixturevalue("postgres_url")
    migrations.upgrade(url)
    database = Database(url)
    yield database
    database.close()


def _inhabit(database: Database, clock: FrozenClock) -> SQLAlchemyAdapter:
    tables = models.User, models.Account, models.SpentToken
    adapter = SQLAlchemyAdapter(database, *tables, seal=str, open=str, clock=clock)
    for id in (ADA, BOB):
        adapter.create_user(User(id, id.title(), f"{id}@example.org"), Account("hub", f"{id}-at-hub", "oidc"))
    return adapter


def _store_in(database: Database) -> SQLAlchemySessionStore:
    return SQLAlchemySessionStore(
        database,
        users=models.User,
        sessions=models.SessionRecord,
        endings=models.Ending,
        activity=models.Activity,
        lifetime=LIFETIME,
        seal=lambda text: text[::-1],
        open=lambda text: text[::-1],
    )
