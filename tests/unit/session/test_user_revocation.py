"""Endings of all that a user has, as a worker holds them: the latest counts, and for long enough."""

from __future__ import annotations

import pytest

from genkan.adapters.sessions import RETENTION_SECONDS, Revocation
from genkan.session.revocation_list import CLEANUP_INTERVAL, RevocationList
from tests.clock import START, FrozenClock
from tests.revocations import RevocationSource


@pytest.fixture(name="pace")
def _pace() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(name="endings")
def _endings(clock: FrozenClock, pace: FrozenClock) -> RevocationList:
    return RevocationList(RevocationSource(), clock, monotonic=pace)


@pytest.mark.parametrize(("kind", "verdict"), [("user", "revoked"), ("changed", "changed")])
def test_news_that_comes_again_or_late_takes_nothing_back(endings: RevocationList, kind: str, verdict: str) -> None:
    """What is read once more because transactions commit in any order."""
    made = {"sub": "ann", "iat": 1500}
    late, early = (Revocation(mark, kind, "ann", at, 2**31) for mark, at in ((2, 2000), (1, 1000)))  # type: ignore[arg-type]
    endings.add([late])
    version = endings.version
    endings.add([early, late])

    assert endings.check(made, 1500) == verdict
    assert endings.version == version


@pytest.mark.parametrize(("seconds", "is_known"), [(RETENTION_SECONDS - 1, True), (RETENTION_SECONDS, False)])
def test_it_is_known_a_little_longer_than_any_token_that_it_is_about(
    endings: RevocationList, clock: FrozenClock, pace: FrozenClock, seconds: int, is_known: bool
) -> None:
    endings.add([Revocation(0, "user", "ann", int(START), int(START) + 1000)])
    clock.advance(1000 + seconds)
    pace.advance(CLEANUP_INTERVAL)
    endings.refresh()

    assert (endings.check({"sub": "ann"}, START) == "revoked") is is_known
    assert len(endings) == is_known
