"""Refresh of a worker's copy of the revocation list: its queries, its threads, and a store that is down."""

from __future__ import annotations

from threading import Barrier, Event, Thread

import pytest

from genkan.errors import AdapterError
from genkan.session.revocation_list import MAX_LAG, MAX_STALENESS, RETRY
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


def test_each_reading_continues_from_the_last_position(source: RevocationSource, worker: Worker) -> None:
    for number in range(3):
        source.add("session", f"session {number}", 1)
        assert worker.check(sid=f"session {number}") == "revoked"
        worker.monotonic.advance(MAX_LAG)
    worker.check()
    assert source.positions == ["", "1", "2", "3"]


def test_after_an_error_every_revocation_is_read_again(source: RevocationSource, worker: Worker) -> None:
    """Another server may have taken over, whose positions are not those of the first."""
    source.add("session", "revoked", 1)
    worker.check()
    version = worker.revocations.version
    source.is_down = True
    worker.monotonic.advance(MAX_LAG)
    worker.check()
    source.is_down = False
    worker.monotonic.advance(RETRY)
    worker.check()
    worker.monotonic.advance(MAX_LAG)
    worker.check()
    assert source.positions == ["", "1", "", "1"]
    assert worker.revocations.version == version


def test_an_error_of_a_reading_at_once_is_logged_only(
    source: RevocationSource, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    """The revocation is stored. This worker reads it as the others do."""
    worker.check()
    source.is_down = True
    source.add("session", "revoked", 1)
    worker.revocations.read_now()
    assert [record.getMessage() for record in caplog.records] == ["revocations could not be read"]
    source.is_down = False
    worker.monotonic.advance(MAX_LAG)
    assert worker.check(sid="revoked") == "revoked"
    assert source.positions == ["", "0", ""]


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
    hanging, released = Barrier(2, timeout=30), Barrier(2, timeout=30)

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
    source.before = lambda: released.wait(30)
    verdicts: list[str | None] = []
    threads = [Thread(target=lambda: verdicts.append(worker.check(sid="revoked"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    threads[0].join(0.4)
    released.set()
    for thread in threads:
        thread.join()
    assert verdicts == ["revoked"] * 5
