"""Renewal of a worker's copy from the store, and a store whose positions go backwards."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from genkan.session.revocation_list import MAX_LAG, RENEWAL_INTERVAL
from tests.clock import FrozenClock
from tests.revocations import RevocationSource
from tests.unit.session.worker import Worker

YEAR = 365 * 86_400


def renew(worker: Worker) -> None:
    """Let the time of the next renewal come, and refresh."""
    worker.monotonic.advance(RENEWAL_INTERVAL)
    worker.revocations.refresh()


@pytest.mark.parametrize("others", [0, 10_001], ids=["few", "many"])
def test_a_renewal_removes_what_the_store_has_deleted(source: RevocationSource, worker: Worker, others: int) -> None:
    for number in range(others):
        source.add("session", f"other {number}", 1)
    for subject in ("gone", "kept"):
        source.add("session", subject, 1)
        source.add("user", f"user {subject}", 1000)
        source.add("changed", f"user {subject}", 1000)
    worker.check()
    assert len(worker.revocations) == others + 6
    for subject in ("gone", "user gone"):
        source.remove(subject)
    worker.monotonic.advance(RENEWAL_INTERVAL - 1)
    assert worker.check(sid="gone") == "revoked"

    renew(worker)
    assert len(worker.revocations) == others + 3
    assert worker.check(sid="gone") is None
    assert worker.check(sub="user gone") is None
    assert worker.check(sid="kept") == "revoked"
    assert worker.check(sub="user kept") == "revoked"
    assert worker.revocations.last_rule("user gone") == -1


def test_a_renewal_removes_the_rule_for_all_users_if_the_store_has_deleted_it(
    source: RevocationSource, worker: Worker
) -> None:
    source.add("everyone", "", 1000)
    assert worker.check() == "revoked"
    source.remove("")
    renew(worker)
    assert worker.check() is None


def test_no_clock_removes_a_revocation(source: RevocationSource, worker: Worker, clock: FrozenClock) -> None:
    source.add("session", "revoked", 1)
    source.add("user", "1", 1000)
    worker.check()
    clock.advance(200 * YEAR)
    renew(worker)
    assert worker.check(sid="revoked") == worker.check(sub="1") == "revoked"


def test_a_renewal_keeps_what_arrives_during_it(source: RevocationSource, worker: Worker) -> None:
    """Each reading of the renewal is followed by a new revocation, which this or the next reading finds."""
    source.add("session", "early", 1)
    worker.check()
    arrived: list[str] = []

    def arrive() -> None:
        arrived.append(f"arrival {len(arrived)}")
        source.add("session", arrived[-1], 1)

    source.after = arrive
    renew(worker)
    source.after = lambda: None
    assert len(arrived) == 3
    assert worker.check(sid="early") == "revoked"
    worker.monotonic.advance(MAX_LAG)
    worker.revocations.refresh()
    assert [worker.check(sid=sid) for sid in arrived] == ["revoked"] * 3
    assert len(worker.revocations) == 4


def test_a_check_during_a_renewal_sees_every_revocation(source: RevocationSource, worker: Worker) -> None:
    """Before and after each reading, and also what this worker reads meanwhile."""
    source.add("session", "revoked", 1)
    source.add("user", "1", 1000)
    worker.check()
    verdicts: list[str | None] = []

    def check() -> None:
        verdicts.extend(
            worker.revocations.check({"iat": 1000, **claims}, 1000) for claims in ({"sid": "revoked"}, {"sub": "1"})
        )

    source.before = source.after = check
    renew(worker)
    assert verdicts == ["revoked"] * 12


def test_a_revocation_that_this_worker_reads_during_a_renewal_is_kept(source: RevocationSource, worker: Worker) -> None:
    """Another thread has stored it, and checks the session at once."""
    worker.check()
    source.add("session", "first", 1)
    verdicts: list[str | None] = []

    def revoke() -> None:
        if source.positions[-1] == "" and not verdicts:
            source.add("session", "meanwhile", 1)
            verdicts.append(None)
            thread = Thread(target=worker.revocations.read_now)
            thread.start()
            thread.join(30)
            verdicts[:] = [worker.revocations.check({"sid": "meanwhile"}, 1000)]

    source.after = revoke
    renew(worker)
    assert verdicts == ["revoked"]
    assert worker.check(sid="meanwhile") == "revoked"
    assert worker.check(sid="first") == "revoked"


def test_a_renewal_changes_the_version(source: RevocationSource, worker: Worker) -> None:
    """A session that is in the cache is checked by the new copy."""
    source.add("session", "revoked", 1)
    version = worker.revocations.refresh()
    renew(worker)
    assert worker.revocations.version > version


def test_a_renewal_that_fails_leaves_the_copy_unchanged(source: RevocationSource, worker: Worker) -> None:
    source.add("session", "revoked", 1)
    worker.check()

    def fail_at_the_start() -> None:
        source.is_down = source.positions[-1] == ""

    source.before = fail_at_the_start
    renew(worker)
    assert worker.check(sid="revoked") == "revoked"
    source.add("session", "later", 1)
    worker.monotonic.advance(MAX_LAG)
    assert worker.check(sid="later") == "revoked"
    assert worker.check(sid="revoked") == "revoked"


def test_a_slow_renewal_delays_one_thread_only(source: RevocationSource, worker: Worker) -> None:
    source.add("session", "revoked", 1)
    worker.check()
    is_renewing, may_continue = Event(), Event()

    def wait() -> None:
        if source.positions[-1] == "":
            is_renewing.set()
            may_continue.wait(30)

    source.before = wait
    thread = Thread(target=renew, args=(worker,))
    thread.start()
    assert is_renewing.wait(30)
    source.add("session", "later", 1)
    worker.monotonic.advance(MAX_LAG)
    assert worker.check(sid="later") == "revoked"
    assert worker.check(sid="revoked") == "revoked"
    may_continue.set()
    thread.join()
    assert worker.check(sid="later") == "revoked"


def test_an_older_copy_of_the_database_is_read_from_the_start(source: RevocationSource, worker: Worker) -> None:
    """Revocations that only the newer one had still apply, until the renewal."""
    source.add("session", "old", 1)
    source.add("session", "lost", 1)
    source.add("session", "lost too", 1)
    worker.check()
    source.restore(1)
    source.add("session", "new", 1)
    worker.monotonic.advance(MAX_LAG)
    assert [worker.check(sid=sid) for sid in ("old", "new", "lost")] == ["revoked"] * 3
    source.add("session", "newer", 1)
    worker.monotonic.advance(MAX_LAG)
    assert worker.check(sid="newer") == "revoked"
    renew(worker)
    assert [worker.check(sid=sid) for sid in ("old", "new", "newer", "lost")] == ["revoked"] * 3 + [None]
