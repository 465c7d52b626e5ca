"""Time that stands still until it is told to go on."""

from __future__ import annotations

START = 1_795_000_000.0
"""A second in November 2026."""


class FrozenClock:
    """Callable like `time.time`."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let this much time pass; negative turns the clock back."""
        self.now += seconds
