"""Fixture `store`: the session store with two users and no session, on SQLite and then on PostgreSQL. Records for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from genkan.adapters.sessions import Revocation, SessionRecord, SessionStore
from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore
from genkan.types import Account, User
from tests.clock import START, FrozenClock
from tests.databases import LIFETIME, adapter_in, database_for, store_in

ADA, BOB = "ada", "bob"
DAY = 86_400
NOW = int(START)


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


class Reader:
    """Reader of a store's revocations that continues from its last position."""

    def __init__(self, store: SessionStore) -> None:
        self.position = ""
        self._store = store

    def read(self) -> list[Revocation]:
        """Return the revocations that became visible since the last call."""
        revocations: list[Revocation] = []
        self.position = self._store.read_revocations(self.position, revocations.extend).position
        return revocations

    def subjects(self) -> list[str]:
        """Return the sorted subjects of these."""
        return sorted(revocation.subject for revocation in self.read())


def revocations_of(store: SessionStore) -> list[tuple[str, str]]:
    """Return kind and subject of each stored revocation, sorted."""
    return sorted((revocation.kind, revocation.subject) for revocation in Reader(store).read())


def ids_of(records: list[SessionRecord]) -> list[str]:
    return [record.id for record in records]


@pytest.fixture(name="session_database", params=["sqlite", "postgresql"])
def _session_database(request: pytest.FixtureRequest, clock: FrozenClock) -> Iterator[Database]:
    with closing(database_for(request, clock)) as database:
        yield database


@pytest.fixture(name="user_adapter")
def _user_adapter(session_database: Database) -> SQLAlchemyAdapter:
    """Return the adapter of the same database, with the users Ada and Bob."""
    adapter = adapter_in(session_database)
    for id in (ADA, BOB):
        adapter.create_user(User(id, id.title(), f"{id}@example.org"), Account("hub", f"{id}-at-hub", "oidc"))
    return adapter


@pytest.fixture(name="store")
def _store(session_database: Database, user_adapter: SQLAlchemyAdapter) -> SQLAlchemySessionStore:
    return store_in(session_database)
