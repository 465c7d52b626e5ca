"""Removal of revocations from a worker's copy after their tokens have expired."""

from __future__ import annotations

import pytest

from genkan.adapters.sessions import Revocation
from genkan.session.revocation_list import CLEANUP_INTERVAL, RevocationList
from tests.clock import START, FrozenClock
from tests.revocations import RevocationSource

DAY = 86_400
MIDNIGHT = START // DAY * DAY + DAY


@pytest.mark.parametrize("others", [0, 10_001], ids=["few", "many"])
def test_a_revocation_is_kept_for_the_day_after_its_token_expired(clock: FrozenClock, others: int) -> None:
    """A token is valid a little beyond its expiry, and the clock of another host may be behind."""
    monotonic = FrozenClock()
    revocations = RevocationList(RevocationSource(), clock, monotonic=monotonic)
    unrelated = [Revocation(0, "session", f"other {number}", 1, 2**31) for number in range(others)]
    revocations.add([Revocation(0, "session", "revoked", 1, int(MIDNIGHT) - 1), *unrelated])
    verdicts = []
    for now in (MIDNIGHT, MIDNIGHT + DAY - 1, MIDNIGHT + DAY):
        clock.now = now
        monotonic.advance(CLEANUP_INTERVAL)
        revocations.refresh()
        verdicts.append(revocations.check({"sid": "revoked"}, now))

    assert verdicts == ["revoked", "revoked", None]
    assert len(revocations) == others
