"""Verdicts of a worker's copy of the revocation list, its version and its size."""

from __future__ import annotations

import pytest

from genkan.session.revocation_list import MAX_LAG
from tests.clock import FrozenClock
from tests.revocations import RevocationSource
from tests.unit.session.worker import Worker


def test_a_new_worker_knows_earlier_revocations_at_its_first_check(source: RevocationSource, worker: Worker) -> None:
    source.add("session", "revoked", 1)
    assert worker.check(sid="revoked") == "revoked"
    assert worker.check(sid="active") is None


def test_a_revocation_by_another_worker_applies_after_max_lag_and_changes_the_version(
    source: RevocationSource, worker: Worker
) -> None:
    before = worker.revocations.refresh()
    source.add("session", "revoked", 1)
    worker.monotonic.advance(MAX_LAG)
    assert worker.revocations.refresh() > before
    assert worker.check(sid="revoked") == "revoked"


def test_a_worker_s_own_revocation_applies_immediately(source: RevocationSource, worker: Worker) -> None:
    worker.check()
    version = worker.revocations.version
    source.add("session", "revoked", 1)
    assert worker.check(sid="revoked") is None
    worker.revocations.read_now()
    assert worker.revocations.version > version
    assert worker.check(sid="revoked") == "revoked"
    assert source.calls == 2


def test_without_a_new_revocation_the_version_stays_the_same(source: RevocationSource, worker: Worker) -> None:
    source.add("session", "revoked", 1)
    version = worker.revocations.refresh()
    for _ in range(20):
        worker.monotonic.advance(MAX_LAG)
        assert worker.revocations.refresh() == version


def test_a_session_without_a_record_is_revoked_by_its_jti(source: RevocationSource, worker: Worker) -> None:
    source.add("session", "jti:abc", 1)
    assert worker.check(jti="abc") == "revoked"
    assert worker.check(jti="abc", sid="another") is None


@pytest.mark.parametrize(
    ("claims", "verdict"),
    [
        ({"sub": "1"}, "revoked"),
        ({"sub": "1", "jti": "x"}, "revoked"),
        ({"sub": "1", "sid": "jti:x"}, "revoked"),
        ({"sub": "1", "sid": "a claim of another application"}, "revoked"),
        ({"sub": "1", "sid": "recorded", "auth_time": None}, "revoked"),
        ({"sub": "1", "sid": "kept"}, None),
        ({"sub": "1", "sid": "kept", "jti": "x"}, None),
        ({"sub": "1", "jti": "kept"}, "revoked"),
        ({"sub": "2"}, None),
        ({}, None),
        ({"sub": 1}, None),
    ],
)
def test_a_rule_of_a_user_revokes_every_session_except_one(
    source: RevocationSource, worker: Worker, claims: dict[str, object], verdict: str | None
) -> None:
    source.add("user", "1", 1000, except_sid="kept")
    assert worker.check(**claims) == verdict


@pytest.mark.parametrize("claims", [{"sub": "1"}, {"sub": "2", "sid": "x"}, {"jti": "x"}, {}, {"sub": 1}])
def test_a_rule_for_all_users_revokes_every_session(
    source: RevocationSource, worker: Worker, claims: dict[str, object]
) -> None:
    source.add("everyone", "", 999)
    assert worker.check(**claims) is None
    source.add("everyone", "", 1000)
    worker.revocations.read_now()
    assert worker.check(**claims) == "revoked"


def test_the_last_rule_is_the_later_one_of_the_user_and_of_all_users(source: RevocationSource, worker: Worker) -> None:
    assert worker.revocations.last_rule("1") == -1
    for kind, subject, at, expected in (
        ("changed", "1", 900, (-1, -1)),
        ("user", "1", 1000, (1000, -1)),
        ("everyone", "", 900, (1000, 900)),
        ("everyone", "", 1100, (1100, 1100)),
    ):
        source.add(kind, subject, at)  # type: ignore[arg-type]
        worker.revocations.read_now()
        assert (worker.revocations.last_rule("1"), worker.revocations.last_rule("2")) == expected


def test_a_rule_without_an_exception_replaces_one_with_an_exception(source: RevocationSource, worker: Worker) -> None:
    source.add("user", "1", 1000, except_sid="kept")
    assert worker.check(sub="1", sid="kept") is None
    source.add("user", "1", 1001)
    worker.revocations.read_now()
    assert worker.check(sub="1", sid="kept") == "revoked"


def test_a_session_that_started_after_the_revocation_is_valid(source: RevocationSource, worker: Worker) -> None:
    source.add("user", "1", 999)
    assert worker.check(sub="1") is None


def test_claims_older_than_the_stored_user_are_changed(source: RevocationSource, worker: Worker) -> None:
    source.add("changed", "1", 1000)
    assert worker.check(sub="1", sid="x") == "changed"
    assert worker.check(sub="1", sid="x", iat=1001) is None
    assert worker.check(sub="2", sid="x") is None


def test_re_issuing_a_token_does_not_make_its_claims_newer(source: RevocationSource, worker: Worker) -> None:
    source.add("changed", "1", 1000)
    assert worker.check(sub="1", sid="x", iat=1500, updated_at=999) == "changed"
    assert worker.check(sub="1", sid="x", iat=1500, updated_at=1001) is None
    assert worker.check(sub="1", sid="x", iat=1500, updated_at="odd") is None


def test_a_hundred_thousand_revoked_sessions_take_less_than_a_megabyte(
    source: RevocationSource, worker: Worker
) -> None:
    """Each takes eight bytes. The latest ten thousand are in a dictionary."""
    for number in range(100_000):
        source.add("session", f"session {number}", 1)
    assert worker.check(sid="session 99999") == "revoked"
    assert worker.check(sid="session 0") == "revoked"
    assert worker.check(sid="session 100000") is None
    assert len(worker.revocations) == 100_000
    sessions = worker.revocations._copy.sessions
    assert sessions._packed.itemsize * len(sessions._packed) < 1_000_000
    assert len(sessions._recent) <= 10_000


def test_the_time_is_that_of_the_store(source: RevocationSource, worker: Worker, clock: FrozenClock) -> None:
    """A wrong clock of this host decides nothing after the first reading."""
    store_clock = FrozenClock()
    source.clock = store_clock
    clock.advance(7200)
    assert worker.revocations.now() == clock.now
    worker.check()
    assert worker.revocations.now() == store_clock.now
    for clock_change, store_change in ((30, 30), (-86_400, 5), (365 * 86_400, 5), (5, -3600)):
        clock.advance(clock_change)
        store_clock.advance(store_change)
        worker.monotonic.advance(MAX_LAG)
        worker.check()
        assert worker.revocations.now() == store_clock.now
    clock.advance(0.5)
    assert worker.revocations.now() == store_clock.now + 0.5


def test_a_failed_reading_does_not_change_the_time(
    source: RevocationSource, worker: Worker, clock: FrozenClock
) -> None:
    source.clock = lambda: clock.now + 100
    worker.check()
    source.is_down = True
    worker.revocations.read_now()
    assert worker.revocations.now() == clock.now + 100
