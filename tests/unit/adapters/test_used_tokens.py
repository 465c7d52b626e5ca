"""Retention of ids that may be used once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from genkan.adapters.sessions import RETENTION_SECONDS
from genkan.adapters.sqlalchemy import Database
from genkan.adapters.sqlalchemy.purge import MAX_STEP, STEP_INTERVAL
from tests.clock import START, FrozenClock
from tests.databases import adapter_in, database_for

END = START + 1000
FAR = START + 9 * MAX_STEP
YEAR = 365 * MAX_STEP


@pytest.fixture(name="database", params=["sqlite", "postgresql"])
def _database(request: pytest.FixtureRequest, clock: FrozenClock) -> Iterator[Database]:
    with closing(database_for(request, clock)) as database:
        yield database


def use_hourly(database: Database, clock: FrozenClock, until: float) -> None:
    """Use an id once per hour until this time, each time in a new worker, whose first insertion deletes expired rows."""
    while clock.now < until:
        clock.now = min(clock.now + STEP_INTERVAL, until)
        assert adapter_in(database).use_once(f"at {clock.now}", FAR)


# requirement O14
@pytest.mark.parametrize(
    ("expires", "now", "is_known"),
    [
        (END, END + RETENTION_SECONDS, True),
        (END, END + RETENTION_SECONDS + 1, False),
        (END + 0.5, END + RETENTION_SECONDS + 1, True),
        (END + 0.5, END + RETENTION_SECONDS + 2, False),
    ],
)
def test_a_used_id_is_kept_for_two_days_past_its_expiry(
    database: Database, clock: FrozenClock, expires: float, now: float, is_known: bool
) -> None:
    assert adapter_in(database).use_once("state", expires)
    use_hourly(database, clock, now - STEP_INTERVAL)
    assert adapter_in(database).is_used("state")
    use_hourly(database, clock, now)
    assert adapter_in(database).is_used("state") is is_known
    assert adapter_in(database).use_once("state", FAR) is not is_known


@pytest.mark.parametrize("workers", [1, 8])
def test_a_clock_that_is_a_year_ahead_for_a_moment_makes_no_id_usable_again(
    database: Database, clock: FrozenClock, workers: int
) -> None:
    assert adapter_in(database).use_once("state", END)
    clock.advance(YEAR)
    for number in range(workers):
        adapter = adapter_in(database)
        assert adapter.use_once(f"in a year {number}", START + YEAR)
        assert adapter.purge() == 0
    assert not adapter_in(database).use_once("state", END)
    clock.now = START + 10
    assert not adapter_in(database).use_once("state", END)
    assert adapter_in(database).purge() == 0
    assert adapter_in(database).is_used("state")
