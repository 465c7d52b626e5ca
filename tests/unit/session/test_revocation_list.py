"""Verdicts of a worker's copy of the revocation list, its version and its size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genkan.adapters.sessions import Revocation
from genkan.session.revocation_list import CLEANUP_INTERVAL, MAX_LAG
from tests.clock import FrozenClock
from tests.revocations import RevocationSource
from tests.unit.session.worker import Worker

DAY = 86_400


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
    worker.revocations.add([Revocation(0, "session", "revoked", 1, DAY)])
    assert worker.check(sid="revoked") == "revoked"
    assert source.calls == 1


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
        ({"sub": "1", "sid": "recorded", "auth_time": None}, None),
        ({"sub": "2"}, None),
        ({}, None),
        ({"sub": 1}, None),
    ],
)
def test_revoking_a_user_s_sessions_revokes_those_without_a_record(
    source: RevocationSource, worker: Worker, claims: dict[str, object], verdict: str | None
) -> None:
    source.add("user", "1", 1000)
    assert worker.check(**claims) == verdict


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
    source.revocations = [Revocation(n + 1, "session", f"session {n}", 1, 2**31) for n in range(100_000)]
    assert worker.check(sid="session 99999") == "revoked"
    assert worker.check(sid="session 0") == "revoked"
    assert worker.check(sid="session 100000") is None
    assert len(worker.revocations) == 100_000
    sessions = worker.revocations._sessions
    assert sessions._packed.itemsize * len(sessions._packed) < 1_000_000
    assert len(sessions._recent) <= 10_000


def test_revocations_of_expired_tokens_are_removed(
    source: RevocationSource, worker: Worker, clock: FrozenClock
) -> None:
    now = int(clock())
    source.revocations = [
        Revocation(1, "session", "soon", now, now + DAY),
        Revocation(2, "session", "later", now, now + 9 * DAY),
        Revocation(3, "user", "1", now, now + DAY),
        Revocation(4, "changed", "1", now, now + 9 * DAY),
    ]
    worker.check()
    assert len(worker.revocations) == 4
    source.revocations = []
    clock.advance(3 * DAY)
    worker.monotonic.advance(CLEANUP_INTERVAL)
    assert worker.check(sid="later") == "revoked"
    assert len(worker.revocations) == 2


def test_a_revocation_with_an_expiry_in_the_distant_future_is_kept(worker: Worker) -> None:
    distant = Revocation(0, "session", "distant", 1, 2**60)
    worker.revocations.add([distant, replace(distant, subject="near", until=DAY)])
    assert worker.check(sid="distant") == "revoked"
