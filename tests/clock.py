"""Clock that moves only when a test advances it."""

from __future__ import annotations

START = 1_795_000_000.0
"""Unix time, in November 2026."""


class FrozenClock:
    """Replacement for `time.time`."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move the clock by this many seconds. A negative number turns it back."""
        self.now += seconds
