"""Fixture `store`: the session store with two users and no session, on SQLite and then on PostgreSQL. Records for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from genkan.adapters.sessions import SessionRecord, SessionStore
from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.databases import LIFETIME, adapter_in, database_for, store_in

ADA, BOB = "ada", "bob"
DAY = 86_400
NOW = 1_800_000_000


def record(id: str = "one", user_id: str = ADA, **fields: Any) -> SessionRecord:
    """Return the record of a session that was just created."""
    values: dict[str, Any] = {
        "provider": "hub",
        "created": NOW,
        "last_seen": NOW,
        "expires": NOW + 30 * DAY,
        "absolute_expires": NOW + LIFETIME,
        "device": "Firefox on Linux",
        "ip_address": "192.0.2.1",
        **fields,
    }
    return SessionRecord(id=id, user_id=user_id, **values)


def revocations_of(store: SessionStore, after_id: int = 0) -> list[tuple[str, str]]:
    """Return kind and subject of each revocation after that id."""
    return [(revocation.kind, revocation.subject) for revocation in store.revocations_since(after_id, 1000)]


def ids_of(records: list[SessionRecord]) -> list[str]:
    return [record.id for record in records]


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
