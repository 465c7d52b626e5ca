"""Each adapter in turn, empty: in memory, SQLite, PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import migrations
import models
from genkan.adapters import Adapter, MemoryAdapter
from genkan.sqlalchemy import Database, SQLAlchemyAdapter
from tests.clock import FrozenClock


@pytest.fixture(name="adapter", params=["memory", "sqlite", "postgresql"])
def _adapter(request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock) -> Iterator[Adapter]:
    if request.param == "memory":
        yield MemoryAdapter(clock=clock)
        return
    on_disk = f"sqlite:///{tmp_path / 'genkan.db'}"
    url = on_disk if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    migrations.upgrade(url)
    database = Database(url)
    tables = models.User, models.Account, models.SpentToken
    yield SQLAlchemyAdapter(database, *tables, seal=lambda text: text[::-1], open=lambda text: text[::-1], clock=clock)
    database.close()
