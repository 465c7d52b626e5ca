"""Deletion of expired rows in steps of time, so that a clock that is wrong for a moment deletes nothing that is valid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from genkan.adapters.sessions import ACTIVITY_RETENTION_SECONDS, RETENTION_SECONDS, Activity
from genkan.adapters.sqlalchemy import Database, SQLAlchemySessionStore
from genkan.adapters.sqlalchemy.purge import MAX_STEP, STEP_INTERVAL
from tests.clock import FrozenClock
from tests.databases import LIFETIME, store_in
from tests.session_stores import ADA, BOB, DAY, NOW, Reader, ids_of, record, revocations_of

YEAR = 365 * DAY


def purge_until(
    store: SQLAlchemySessionStore, clock: FrozenClock, until: float, interval: int = STEP_INTERVAL
) -> list[int]:
    """Purge once per interval until this time. Return the numbers of deleted rows."""
    deleted = []
    while clock.now < until:
        clock.now = min(clock.now + interval, until)
        deleted.append(store.purge())
    return deleted


def fill(store: SQLAlchemySessionStore) -> None:
    """Store a session, revocations of each kind and an entry of activity, all of them valid."""
    store.create(record(expires=NOW + DAY))
    store.revoke_session("jti:x", "signed-out")
    store.revoke_user(BOB)
    store.revoke_everyone()
    store.mark_user_changed(BOB)
    store.add_activity(ADA, Activity(at=NOW, kind="signed-in"))


def stored(database: Database) -> list[object]:
    """Return all rows that `fill` has stored."""
    tables = "genkan_sessions", "revocations", "activity"
    with database.read() as session:
        return [row for table in tables for row in session.execute(text(f"SELECT * FROM {table} ORDER BY id"))]


def test_expired_rows_are_deleted_two_days_later(store: SQLAlchemySessionStore, clock: FrozenClock) -> None:
    store.create(record("active"))
    store.create(record("expired", expires=NOW + 10))
    store.add_activity(ADA, Activity(at=NOW, kind="signed-in"))
    end = NOW + 10 + RETENTION_SECONDS
    assert sum(purge_until(store, clock, end - 1)) == 0
    assert store.get("expired")
    assert purge_until(store, clock, end - 1 + STEP_INTERVAL) == [1]
    assert store.get("expired") is None
    assert store.get("active")
    assert len(store.list_activity(ADA, 9)) == 1


def test_a_revocation_is_kept_for_the_longest_lifetime_of_a_token(
    store: SQLAlchemySessionStore, clock: FrozenClock
) -> None:
    store.create(record(absolute_expires=NOW + DAY))
    clock.advance(2 * DAY)
    store.revoke_session("one", "ended")
    purge_until(store, clock, NOW + 2 * DAY + LIFETIME + RETENTION_SECONDS - 1, DAY)
    assert revocations_of(store) == [("session", "one")]
    purge_until(store, clock, NOW + 4 * DAY + LIFETIME + RETENTION_SECONDS)
    assert revocations_of(store) == []


def test_activity_is_deleted_after_its_retention_time(store: SQLAlchemySessionStore, clock: FrozenClock) -> None:
    store.add_activity(ADA, Activity(at=NOW, kind="signed-in"))
    purge_until(store, clock, NOW + ACTIVITY_RETENTION_SECONDS - 1, DAY)
    assert len(store.list_activity(ADA, 9)) == 1
    purge_until(store, clock, NOW + ACTIVITY_RETENTION_SECONDS + STEP_INTERVAL)
    assert store.list_activity(ADA, 9) == []


@pytest.mark.parametrize("runs", [1, 50])
def test_a_clock_that_is_a_year_ahead_for_an_hour_deletes_nothing(
    store: SQLAlchemySessionStore, session_database: Database, clock: FrozenClock, runs: int
) -> None:
    fill(store)
    before, reader = stored(session_database), Reader(store)
    revocations = reader.read()
    clock.advance(YEAR)
    for _ in range(runs):
        assert store.purge() == 0
        clock.advance(STEP_INTERVAL / runs)
    assert stored(session_database) == before

    clock.now = NOW + 60
    assert store.purge() == 0
    assert stored(session_database) == before
    assert Reader(store).read() == revocations
    assert reader.read() == []


def test_several_workers_purge_no_more_than_one(
    store: SQLAlchemySessionStore, session_database: Database, clock: FrozenClock
) -> None:
    """They share the stored time, so that each does not take a step of its own."""
    fill(store)
    before = stored(session_database)
    clock.advance(YEAR)
    workers = [store_in(session_database) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda worker: worker.purge(), workers)) == 0
    for worker in workers:
        worker.create(record(f"in a year {id(worker)}", expires=NOW + 2 * YEAR))
    assert set(before) <= set(stored(session_database))


def test_a_clock_that_is_ahead_again_and_again_deletes_nothing(
    store: SQLAlchemySessionStore, session_database: Database, clock: FrozenClock
) -> None:
    """Each time the stored time goes back with the clock."""
    fill(store)
    before = stored(session_database)
    for minute in range(30):
        for now in (NOW + YEAR, NOW + 60 * minute):
            clock.now = now
            assert store.purge() == 0
    assert stored(session_database) == before


def test_after_a_long_pause_the_time_advances_by_a_day_and_then_twice_as_fast_as_the_clock(
    store: SQLAlchemySessionStore, clock: FrozenClock
) -> None:
    hour = STEP_INTERVAL
    for hours in (0, 23, 25, 27, 29):
        store.create(record(str(hours), expires=NOW + hours * hour - RETENTION_SECONDS + 1))
    assert store.purge() == 0
    clock.now = NOW + 10 * DAY
    deleted = []
    for _ in range(4):
        deleted.append(store.purge())
        assert store.purge() == 0
        clock.advance(hour)
    assert deleted == [2, 1, 1, 1]
    assert MAX_STEP == DAY


def test_daily_purges_keep_up_with_the_clock(store: SQLAlchemySessionStore, clock: FrozenClock) -> None:
    for day in range(5):
        store.create(record(str(day), expires=NOW + day * DAY - RETENTION_SECONDS + 1))
    store.purge()
    deleted = []
    for _ in range(5):
        clock.advance(DAY)
        deleted.append(store.purge())
    assert deleted == [1] * 5


def test_a_clock_that_is_a_year_ahead_for_half_a_day_deletes_nothing(
    store: SQLAlchemySessionStore, session_database: Database, clock: FrozenClock
) -> None:
    fill(store)
    before = stored(session_database)
    clock.advance(YEAR)
    for _ in range(12):
        assert store.purge() == 0
        clock.advance(STEP_INTERVAL)
    assert stored(session_database) == before


def test_a_clock_that_was_behind_deletes_nothing_and_catches_up(
    store: SQLAlchemySessionStore, clock: FrozenClock
) -> None:
    store.create(record("active"))
    store.create(record("expired", expires=NOW - RETENTION_SECONDS + DAY))
    clock.now = NOW - 5 * DAY
    assert store.purge() == 0
    clock.now = NOW + DAY
    assert sum(purge_until(store, clock, NOW + 9 * DAY)) == 1
    assert ids_of(store.list_active(ADA, NOW)) == ["active"]


def test_a_revocation_outlives_a_session_with_a_longer_limit(
    store: SQLAlchemySessionStore, session_database: Database
) -> None:
    """The token may be as old as an earlier, longer limit allowed. A rule lasts as long as the last of its sessions."""
    short = store_in(session_database, lifetime=DAY)
    store.create(record("one"))
    store.create(record("two"))
    short.revoke_session("one", "ended")
    short.revoke_user(ADA)
    short.revoke_everyone()
    assert {revocation.until for revocation in Reader(store).read()} == {NOW + LIFETIME}
