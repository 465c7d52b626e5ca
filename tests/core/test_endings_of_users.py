"""Endings of all that a user has, as a worker holds them: the latest counts, and for long enough."""

from __future__ import annotations

import pytest

from genkan.endings import SWEEP, Endings
from genkan.session_records import KEPT_SECONDS, Ending
from tests.clock import START, FrozenClock
from tests.endings import EndingList


@pytest.fixture(name="pace")
def _pace() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(name="endings")
def _endings(clock: FrozenClock, pace: FrozenClock) -> Endings:
    return Endings(EndingList(), clock, pace=pace)


@pytest.mark.parametrize(("kind", "verdict"), [("user", "ended"), ("changed", "changed")])
def test_news_that_comes_again_or_late_takes_nothing_back(endings: Endings, kind: str, verdict: str) -> None:
    """What is read once more because transactions commit in any order."""
    made = {"sub": "ann", "iat": 1500}
    late, early = (Ending(mark, kind, "ann", at, 2**31) for mark, at in ((2, 2000), (1, 1000)))  # type: ignore[arg-type]
    endings.learn([late])
    version = endings.version
    endings.learn([early, late])

    assert endings.judge(made, 1500) == verdict
    assert endings.version == version


@pytest.mark.parametrize(("seconds", "is_known"), [(KEPT_SECONDS - 1, True), (KEPT_SECONDS, False)])
def test_it_is_known_a_little_longer_than_any_token_that_it_is_about(
    endings: Endings, clock: FrozenClock, pace: FrozenClock, seconds: int, is_known: bool
) -> None:
    endings.learn([Ending(0, "user", "ann", int(START), int(START) + 1000)])
    clock.advance(1000 + seconds)
    pace.advance(SWEEP)
    endings.current()

    assert (endings.judge({"sub": "ann"}, START) == "ended") is is_known
    assert len(endings) == is_known
