"""Fixtures: the store of second factors in an empty database, SQLite and then PostgreSQL, and two users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pytest

from genkan.adapters.second_factors import SecondFactorStore
from genkan.adapters.sqlalchemy import Database
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.databases import database_for, stores_in


class Users(NamedTuple):
    """The store, and the ids of two users."""

    store: SecondFactorStore
    hana: str
    ada: str


@pytest.fixture(name="database", params=["sqlite", "postgresql"])
def _database(request: pytest.FixtureRequest, clock: FrozenClock) -> Iterator[Database]:
    with closing(database_for(request, clock)) as database:
        yield database


@pytest.fixture(name="users")
def _users(database: Database) -> Users:
    stores = stores_in(database)
    assert stores.factors is not None
    ids = [stores.adapter.create_user(User(""), Account("hub", name, "oidc"))[0].id for name in ("hana", "ada")]
    return Users(stores.factors, *ids)
