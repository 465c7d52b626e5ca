"""How many calls out may be in flight at once, so that one provider in trouble does not hold every thread (F6)."""

from __future__ import annotations

from collections import Counter
from math import inf
from threading import Condition

CALLS_PER_HOST = 8
"""What one provider in trouble may hold; the rest of the worker's threads stay free for everybody else."""

CALLS_PER_PROCESS = 32
"""What all providers together may hold, however many are configured."""

PATIENCE_SECONDS = 1.0
"""How long a caller waits for a place: long enough for a burst of sign-ins, too short to queue behind trouble."""


class ConcurrencyLimit:
    """Counts the calls in flight; one that finds no place waits for a moment and is then refused."""

    def __init__(
        self, per_host: int = CALLS_PER_HOST, in_all: int = CALLS_PER_PROCESS, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._per_host = per_host
        self._in_all = in_all
        self._patience = patience
        self._changed = Condition()
        self._calls: Counter[str] = Counter()

    def acquire(self, host: str, seconds: float = inf) -> bool:
        """Whether there was a place, within `seconds` at most; it is then to be given back by `leave`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(host), min(self._patience, seconds)):
                return False
            self._calls[host] += 1
            return True

    def release(self, host: str) -> None:
        """Give the place back."""
        with self._changed:
            self._calls[host] -= 1
            if not self._calls[host]:
                del self._calls[host]
            self._changed.notify_all()

    def _has_room(self, host: str) -> bool:
        return self._calls[host] < self._per_host and self._calls.total() < self._in_all
