"""Fixtures: the stores of an empty database, SQLite and then PostgreSQL, and those for mail and passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from genkan.adapters.addresses import AddressStores
from genkan.adapters.sqlalchemy import Database
from genkan.adapters.stores import Stores
from tests.clock import FrozenClock
from tests.databases import database_for, stores_in


@pytest.fixture(name="database", params=["sqlite", "postgresql"])
def _database(request: pytest.FixtureRequest, clock: FrozenClock) -> Iterator[Database]:
    with closing(database_for(request, clock)) as database:
        yield database


@pytest.fixture(name="stores")
def _stores(database: Database) -> Stores:
    return stores_in(database)


@pytest.fixture(name="local")
def _local(stores: Stores) -> AddressStores:
    assert stores.local is not None
    return stores.local
