"""Refresh of a worker's copy of the revocation list: its queries, its threads, and a store that is down."""

from __future__ import annotations

from threading import Barrier, Event, Thread

import pytest

from genkan.adapters.sessions import Revocation
from genkan.errors import AdapterError
from genkan.session.revocation_list import MAX_LAG, MAX_STALENESS, OVERLAP, RETRY
from tests.clock import FrozenClock
from tests.revocations import RevocationSource
from tests.unit.session.worker import Worker


def test_many_checks_make_one_query_per_second(source: RevocationSource, worker: Worker) -> None:
    for _ in range(50):
        worker.check(sid="x")
    assert source.calls == 1
    worker.monotonic.advance(MAX_LAG)
    for _ in range(50):
        worker.check(sid="x")
    assert source.calls == 2


def test_a_revocation_with_a_lower_id_that_is_committed_later_is_read(source: RevocationSource, worker: Worker) -> None:
    """A transaction with a lower id may commit after one with a higher id."""
    source.revocations = [Revocation(1, "session", "one", 1, 2**40), Revocation(3, "session", "three", 1, 2**40)]
    assert worker.check(sid="three") == "revoked"
    worker.monotonic.advance(OVERLAP - 1)
    source.revocations.insert(1, Revocation(2, "session", "two", 1, 2**40))
    assert worker.check(sid="two") == "revoked"


def test_old_revocations_are_not_read_again(source: RevocationSource, worker: Worker) -> None:
    after_ids: list[int] = []
    revocations_since = source.revocations_since

    def record(after_id: int, limit: int) -> list[Revocation]:
        after_ids.append(after_id)
        return revocations_since(after_id, limit)

    source.revocations_since = record  # type: ignore[method-assign]
    source.add("session", "revoked", 1)
    for _ in range(4):
        worker.check()
        worker.monotonic.advance(OVERLAP + 1)
    assert after_ids == [0, 1, 1, 1]


def test_after_the_first_reading_only_recent_revocations_are_read_again(
    source: RevocationSource, worker: Worker, clock: FrozenClock
) -> None:
    for number in range(3000):
        source.add("session", f"old {number}", int(clock()) - 3600)
    late = source.revocations.pop()
    source.add("session", "recent", int(clock()))
    worker.check()
    assert len(worker.revocations) == 3000
    after_ids: list[int] = []
    source.before = lambda: after_ids.append(worker.revocations._cursors[0][1])
    source.revocations.insert(-1, late)
    for _ in range(3):
        worker.monotonic.advance(MAX_LAG)
        assert worker.check(sid="old 2999") == "revoked"
    assert after_ids == [2000, 2000, 2000]


def test_while_the_store_is_down_the_copy_is_used_until_it_is_too_old(source: RevocationSource, worker: Worker) -> None:
    source.add("session", "revoked", 1)
    worker.check()
    source.is_down = True
    worker.monotonic.advance(MAX_STALENESS)
    assert worker.check(sid="revoked") == "revoked"
    assert worker.check(sid="active") is None
    worker.monotonic.advance(1)
    with pytest.raises(AdapterError):
        worker.revocations.refresh()
    source.is_down = False
    worker.monotonic.advance(RETRY)
    assert worker.check(sid="active") is None


def test_a_worker_without_a_copy_raises_adapter_error(source: RevocationSource, worker: Worker) -> None:
    source.is_down = True
    for _ in range(3):
        with pytest.raises(AdapterError):
            worker.revocations.refresh()
    assert source.calls == 1


def test_a_store_that_is_down_is_queried_once_per_second(source: RevocationSource, worker: Worker) -> None:
    worker.check()
    source.is_down = True
    worker.monotonic.advance(MAX_LAG)
    for _ in range(20):
        worker.check()
    assert source.calls == 2
    worker.monotonic.advance(RETRY)
    worker.check()
    assert source.calls == 3


def test_a_query_that_hangs_delays_one_thread_only(source: RevocationSource, worker: Worker) -> None:
    worker.check()
    hanging, released = Barrier(2, timeout=5), Barrier(2, timeout=5)

    def hang() -> None:
        hanging.wait()
        released.wait()

    source.before = hang
    worker.monotonic.advance(MAX_LAG)
    thread = Thread(target=worker.check)
    thread.start()
    hanging.wait()
    assert worker.check(sid="x") is None
    released.wait()
    thread.join()


def test_twenty_threads_with_an_old_copy_make_one_query(source: RevocationSource, worker: Worker) -> None:
    for _ in range(20):
        worker.monotonic.advance(MAX_LAG)
        calls = source.calls
        threads = [Thread(target=worker.check) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert source.calls == calls + 1


def test_threads_wait_for_the_first_reading(source: RevocationSource, worker: Worker) -> None:
    """Connecting to the database takes longer than the timeout for later readings."""
    source.add("session", "revoked", 1)
    released = Event()
    source.before = lambda: released.wait(5)
    verdicts: list[str | None] = []
    threads = [Thread(target=lambda: verdicts.append(worker.check(sid="revoked"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    threads[0].join(0.4)
    released.set()
    for thread in threads:
        thread.join()
    assert verdicts == ["revoked"] * 5


def test_deferred_actions_run_when_the_store_responds_again(source: RevocationSource, worker: Worker) -> None:
    worker.check()
    done: list[int] = []
    source.is_down = True
    for number in range(3):
        worker.revocations.defer(lambda number=number: done.append(number))  # type: ignore[misc]
    worker.monotonic.advance(MAX_LAG)
    worker.check()
    assert done == []
    source.is_down = False
    worker.monotonic.advance(RETRY)
    worker.check()
    assert done == [0, 1, 2]


def test_a_deferred_action_that_always_fails_blocks_neither_refreshes_nor_other_actions(worker: Worker) -> None:
    done: list[int] = []

    def fail() -> None:
        raise AdapterError("cannot be stored")

    for action in (fail, lambda: done.append(1)):
        worker.revocations.defer(action)
    for _ in range(3):
        worker.monotonic.advance(MAX_STALENESS)
        assert worker.check(sid="x") is None
    assert done == [1]
