"""A worker's snapshot of what has ended: soon, small, and not blind while the database is."""

from __future__ import annotations

from dataclasses import replace
from threading import Barrier, Event, Thread

import pytest

from genkan.adapters.sessions import Revocation
from genkan.errors import AdapterError
from genkan.session.revocation_list import CLEANUP_INTERVAL, MAX_LAG, MAX_STALENESS, OVERLAP, RETRY, RevocationList
from tests.clock import FrozenClock
from tests.revocations import RevocationSource

DAY = 86_400


class Worker:
    """One worker's snapshot, with a pace of its own."""

    def __init__(self, store: RevocationSource, clock: FrozenClock) -> None:
        self.pace = FrozenClock()
        self.endings = RevocationList(store, clock, monotonic=self.pace)

    def says(self, **claims: object) -> str | None:
        """What it holds of a token with these claims, made an hour ago."""
        self.endings.refresh()
        return self.endings.check({"iat": 1000, **claims}, 1000)


@pytest.fixture(name="store")
def _store() -> RevocationSource:
    return RevocationSource()


@pytest.fixture(name="worker")
def _worker(store: RevocationSource, clock: FrozenClock) -> Worker:
    return Worker(store, clock)


def test_what_ended_before_this_worker_began_is_known_at_its_first_question(
    store: RevocationSource, worker: Worker
) -> None:
    store.add("session", "gone", 1)
    assert worker.says(sid="gone") == "ended"
    assert worker.says(sid="here") is None


def test_the_store_is_asked_once_a_second_however_many_ask(store: RevocationSource, worker: Worker) -> None:
    for _ in range(50):
        worker.says(sid="x")
    assert store.calls == 1
    worker.pace.advance(MAX_LAG)
    for _ in range(50):
        worker.says(sid="x")
    assert store.calls == 2


def test_what_ends_elsewhere_is_in_force_after_the_bound_and_moves_the_version(
    store: RevocationSource, worker: Worker
) -> None:
    before = worker.endings.refresh()
    store.add("session", "gone", 1)
    worker.pace.advance(MAX_LAG)
    assert worker.endings.refresh() > before
    assert worker.says(sid="gone") == "ended"


def test_what_this_worker_ends_it_knows_at_once(store: RevocationSource, worker: Worker) -> None:
    worker.says()
    worker.endings.add([Revocation(0, "session", "gone", 1, DAY)])
    assert worker.says(sid="gone") == "ended"
    assert store.calls == 1


def test_nothing_new_moves_no_version(store: RevocationSource, worker: Worker) -> None:
    store.add("session", "gone", 1)
    version = worker.endings.refresh()
    for _ in range(20):
        worker.pace.advance(MAX_LAG)
        assert worker.endings.refresh() == version


def test_news_with_an_earlier_number_that_comes_late_is_not_missed(store: RevocationSource, worker: Worker) -> None:
    """Of two transactions the first to begin may be the last to commit."""
    store.revocations = [Revocation(1, "session", "one", 1, 2**40), Revocation(3, "session", "three", 1, 2**40)]
    assert worker.says(sid="three") == "ended"
    worker.pace.advance(OVERLAP - 1)
    store.revocations.insert(1, Revocation(2, "session", "two", 1, 2**40))
    assert worker.says(sid="two") == "ended"


def test_what_is_old_is_not_read_again_and_again(store: RevocationSource, worker: Worker) -> None:
    read: list[int] = []
    given = store.revocations_since

    def noting(after_id: int, limit: int) -> list[Revocation]:
        read.append(after_id)
        return given(after_id, limit)

    store.revocations_since = noting  # type: ignore[method-assign]
    store.add("session", "gone", 1)
    for _ in range(4):
        worker.says()
        worker.pace.advance(OVERLAP + 1)
    assert read == [0, 1, 1, 1]


def test_a_worker_that_begins_reads_all_there_is_once_and_then_only_the_young_again(
    store: RevocationSource, worker: Worker, clock: FrozenClock
) -> None:
    for number in range(3000):
        store.add("session", f"old {number}", int(clock()) - 3600)
    late = store.revocations.pop()
    store.add("session", "young", int(clock()))
    worker.says()
    assert len(worker.endings) == 3000
    read: list[int] = []
    store.before = lambda: read.append(worker.endings._marks[0][1])
    store.revocations.insert(-1, late)
    for _ in range(3):
        worker.pace.advance(MAX_LAG)
        assert worker.says(sid="old 2999") == "ended"
    assert read == [2000, 2000, 2000]


def test_a_session_without_a_record_is_ended_by_the_name_of_its_token(store: RevocationSource, worker: Worker) -> None:
    store.add("session", "jti:abc", 1)
    assert worker.says(jti="abc") == "ended"
    assert worker.says(jti="abc", sid="of its own") is None


@pytest.mark.parametrize(
    ("claims", "verdict"),
    [
        ({"sub": "1"}, "ended"),
        ({"sub": "1", "jti": "x"}, "ended"),
        ({"sub": "1", "sid": "jti:x"}, "ended"),
        ({"sub": "1", "sid": "another application's own"}, "ended"),
        ({"sub": "1", "sid": "recorded", "proven_at": None}, None),
        ({"sub": "2"}, None),
        ({}, None),
        ({"sub": 1}, None),
    ],
)
def test_ending_a_users_sessions_ends_those_that_have_no_record(
    store: RevocationSource, worker: Worker, claims: dict[str, object], verdict: str | None
) -> None:
    store.add("user", "1", 1000)
    assert worker.says(**claims) == verdict


def test_somebody_who_signs_in_after_that_stays(store: RevocationSource, worker: Worker) -> None:
    store.add("user", "1", 999)
    assert worker.says(sub="1") is None


def test_what_is_known_of_a_user_may_be_out_of_date(store: RevocationSource, worker: Worker) -> None:
    store.add("changed", "1", 1000)
    assert worker.says(sub="1", sid="x") == "changed"
    assert worker.says(sub="1", sid="x", iat=1001) is None
    assert worker.says(sub="2", sid="x") is None


def test_what_a_token_says_of_its_user_is_no_younger_for_being_re_issued(
    store: RevocationSource, worker: Worker
) -> None:
    store.add("changed", "1", 1000)
    assert worker.says(sub="1", sid="x", iat=1500, as_of=999) == "changed"
    assert worker.says(sub="1", sid="x", iat=1500, as_of=1001) is None
    assert worker.says(sub="1", sid="x", iat=1500, as_of="odd") is None


def test_while_the_store_is_down_the_last_snapshot_holds_and_then_nobody_is_believed(
    store: RevocationSource, worker: Worker
) -> None:
    store.add("session", "gone", 1)
    worker.says()
    store.is_down = True
    worker.pace.advance(MAX_STALENESS)
    assert worker.says(sid="gone") == "ended"
    assert worker.says(sid="here") is None
    worker.pace.advance(1)
    with pytest.raises(AdapterError):
        worker.endings.refresh()
    store.is_down = False
    worker.pace.advance(RETRY)
    assert worker.says(sid="here") is None


def test_a_worker_that_never_heard_anything_believes_nobody(store: RevocationSource, worker: Worker) -> None:
    store.is_down = True
    for _ in range(3):
        with pytest.raises(AdapterError):
            worker.endings.refresh()
    assert store.calls == 1


def test_a_store_that_is_down_is_tried_once_a_second(store: RevocationSource, worker: Worker) -> None:
    worker.says()
    store.is_down = True
    worker.pace.advance(MAX_LAG)
    for _ in range(20):
        worker.says()
    assert store.calls == 2
    worker.pace.advance(RETRY)
    worker.says()
    assert store.calls == 3


def test_while_one_asks_the_others_do_not_wait_long(store: RevocationSource, worker: Worker) -> None:
    """A database that hangs holds up one thread, and not the house."""
    worker.says()
    hangs, may_go_on = Barrier(2, timeout=5), Barrier(2, timeout=5)

    def hang() -> None:
        hangs.wait()
        may_go_on.wait()

    store.before = hang
    worker.pace.advance(MAX_LAG)
    asking = Thread(target=worker.says)
    asking.start()
    hangs.wait()
    assert worker.says(sid="x") is None
    may_go_on.wait()
    asking.join()


def test_twenty_threads_at_the_edge_ask_once(store: RevocationSource, worker: Worker) -> None:
    for _ in range(20):
        worker.pace.advance(MAX_LAG)
        asked = store.calls
        threads = [Thread(target=worker.says) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.calls == asked + 1


def test_what_is_owed_is_done_when_the_store_answers_again(store: RevocationSource, worker: Worker) -> None:
    worker.says()
    done: list[int] = []
    store.is_down = True
    for number in range(3):
        worker.endings.defer(lambda number=number: done.append(number))  # type: ignore[misc]
    worker.pace.advance(MAX_LAG)
    worker.says()
    assert done == []
    store.is_down = False
    worker.pace.advance(RETRY)
    worker.says()
    assert done == [0, 1, 2]


def test_what_can_never_be_done_holds_up_neither_the_snapshot_nor_what_else_is_owed(
    store: RevocationSource, worker: Worker
) -> None:
    done: list[int] = []

    def never() -> None:
        raise AdapterError("no database could keep that")

    for act in (never, lambda: done.append(1)):
        worker.endings.defer(act)
    for _ in range(3):
        worker.pace.advance(MAX_STALENESS)
        assert worker.says(sid="x") is None
    assert done == [1]


def test_a_hundred_thousand_ended_sessions_weigh_a_megabyte(store: RevocationSource, worker: Worker) -> None:
    """Eight bytes a piece; those that were ended last are held a little less tightly."""
    store.revocations = [Revocation(n + 1, "session", f"session {n}", 1, 2**31) for n in range(100_000)]
    assert worker.says(sid="session 99999") == "ended"
    assert worker.says(sid="session 0") == "ended"
    assert worker.says(sid="session 100000") is None
    assert len(worker.endings) == 100_000
    held = worker.endings._sessions
    assert held._packed.itemsize * len(held._packed) < 1_000_000
    assert len(held._recent) <= 10_000


def test_what_has_expired_by_itself_is_forgotten(store: RevocationSource, worker: Worker, clock: FrozenClock) -> None:
    now = int(clock())
    store.revocations = [
        Revocation(1, "session", "soon", now, now + DAY),
        Revocation(2, "session", "later", now, now + 9 * DAY),
        Revocation(3, "user", "1", now, now + DAY),
        Revocation(4, "changed", "1", now, now + 9 * DAY),
    ]
    worker.says()
    assert len(worker.endings) == 4
    store.revocations = []
    clock.advance(3 * DAY)
    worker.pace.advance(CLEANUP_INTERVAL)
    assert worker.says(sid="later") == "ended"
    assert len(worker.endings) == 2


def test_an_ending_without_an_end_in_sight_is_kept_too(worker: Worker) -> None:
    far = Revocation(0, "session", "far", 1, 2**60)
    worker.endings.add([far, replace(far, subject="near", until=DAY)])
    assert worker.says(sid="far") == "ended"


def test_whoever_comes_while_a_worker_reads_its_first_snapshot_waits_for_it(
    store: RevocationSource, worker: Worker
) -> None:
    """A database that is connected to for the first time takes longer than the others would wait later."""
    store.add("session", "gone", 1)
    may_go_on = Event()
    store.before = lambda: may_go_on.wait(5)
    said: list[str | None] = []
    threads = [Thread(target=lambda: said.append(worker.says(sid="gone"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    threads[0].join(0.4)
    may_go_on.set()
    for thread in threads:
        thread.join()
    assert said == ["ended"] * 5
