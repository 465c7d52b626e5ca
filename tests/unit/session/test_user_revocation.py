"""Revocations of all sessions of a user in a worker's copy: the latest counts until every token has expired."""

from __future__ import annotations

import pytest

from genkan.adapters.sessions import RETENTION_SECONDS, Revocation, RevocationKind
from genkan.session.revocation_list import CLEANUP_INTERVAL, RevocationList
from tests.clock import START, FrozenClock
from tests.revocations import RevocationSource


@pytest.fixture(name="monotonic")
def _monotonic() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(name="revocations")
def _revocations(clock: FrozenClock, monotonic: FrozenClock) -> RevocationList:
    return RevocationList(RevocationSource(), clock, monotonic=monotonic)


@pytest.mark.parametrize(("kind", "verdict"), [("user", "revoked"), ("changed", "changed")])
def test_a_revocation_that_is_read_again_or_late_does_not_replace_a_later_one(
    revocations: RevocationList, kind: RevocationKind, verdict: str
) -> None:
    """Recent rows are read again, because transactions commit in any order."""
    claims = {"sub": "ann", "iat": 1500}
    late, early = (Revocation(id, kind, "ann", at, 2**31) for id, at in ((2, 2000), (1, 1000)))
    revocations.add([late])
    version = revocations.version
    revocations.add([early, late])

    assert revocations.check(claims, 1500) == verdict
    assert revocations.version == version


@pytest.mark.parametrize(("seconds", "is_kept"), [(RETENTION_SECONDS - 1, True), (RETENTION_SECONDS, False)])
def test_a_revocation_is_kept_for_the_retention_time_after_its_tokens_expired(
    revocations: RevocationList, clock: FrozenClock, monotonic: FrozenClock, seconds: int, is_kept: bool
) -> None:
    revocations.add([Revocation(0, "user", "ann", int(START), int(START) + 1000)])
    clock.advance(1000 + seconds)
    monotonic.advance(CLEANUP_INTERVAL)
    revocations.refresh()

    assert (revocations.check({"sub": "ann"}, START) == "revoked") is is_kept
    assert len(revocations) == is_kept
