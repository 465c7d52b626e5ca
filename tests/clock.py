"""Clock that moves only when a test advances it."""

from __future__ import annotations

from genkan.web.state import MovableClock

START = 1_795_000_000.0
"""Unix time, in November 2026."""


class FrozenClock(MovableClock):
    """Replacement for `time.time`."""

    def __init__(self, now: float = START) -> None:
        super().__init__()
        self.base = float
        self.offset = now
