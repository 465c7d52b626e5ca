"""Endings that are over go out of a worker's memory by the day, and none of them too early."""

from __future__ import annotations

import pytest

from genkan.adapters.sessions import Revocation
from genkan.session.revocation_list import CLEANUP_INTERVAL, RevocationList
from tests.clock import START, FrozenClock
from tests.revocations import RevocationSource

DAY = 86_400
MIDNIGHT = START // DAY * DAY + DAY


@pytest.mark.parametrize("others", [0, 10_001], ids=["few", "many"])
def test_an_ending_that_mattered_until_a_second_before_midnight_is_known_the_next_day(
    clock: FrozenClock, others: int
) -> None:
    """A token is believed a little beyond its end, and another host's clock may be behind."""
    pace = FrozenClock()
    endings = RevocationList(RevocationSource(), clock, monotonic=pace)
    news = [Revocation(0, "session", f"other {number}", 1, 2**31) for number in range(others)]
    endings.add([Revocation(0, "session", "gone", 1, int(MIDNIGHT) - 1), *news])
    verdicts = []
    for now in (MIDNIGHT, MIDNIGHT + DAY - 1, MIDNIGHT + DAY):
        clock.now = now
        pace.advance(CLEANUP_INTERVAL)
        endings.refresh()
        verdicts.append(endings.check({"sid": "gone"}, now))

    assert verdicts == ["ended", "ended", None]
    assert len(endings) == others
