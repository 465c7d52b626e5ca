"""Fixture `adapter`: the SQLAlchemy adapter on an empty SQLite, then on an empty PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from genkan.adapters import Adapter
from tests.clock import FrozenClock
from tests.databases import adapter_in, database_for


@pytest.fixture(name="adapter", params=["sqlite", "postgresql"])
def _adapter(request: pytest.FixtureRequest, clock: FrozenClock) -> Iterator[Adapter]:
    with closing(database_for(request, clock)) as database:
        yield adapter_in(database)
