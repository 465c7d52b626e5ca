"""Fixture `store`: the session store with two users and no session, on SQLite and then on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.databases import adapter_in, database_for, store_in

ADA, BOB = "ada", "bob"


@pytest.fixture(name="session_database", params=["sqlite", "postgresql"])
def _session_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with closing(database_for(request)) as database:
        yield database


@pytest.fixture(name="user_adapter")
def _user_adapter(session_database: Database, clock: FrozenClock) -> SQLAlchemyAdapter:
    """Return the adapter of the same database, with the users Ada and Bob."""
    adapter = adapter_in(session_database, clock)
    for id in (ADA, BOB):
        adapter.create_user(User(id, id.title(), f"{id}@example.org"), Account("hub", f"{id}-at-hub", "oidc"))
    return adapter


@pytest.fixture(name="store")
def _store(session_database: Database, user_adapter: SQLAlchemyAdapter) -> SQLAlchemySessionStore:
    return store_in(session_database)
