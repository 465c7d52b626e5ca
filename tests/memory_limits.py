"""Counters in memory, with the behaviour of those in the database."""

from __future__ import annotations

from threading import Lock

from genkan.crypto.sealer import Clock


class MemoryLimits:
    """Implementation of `genkan.adapters.addresses.LimitStore` for one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self.rows: dict[str, tuple[int, float, float]] = {}
        """For each key its number, the time of the next attempt, and the end of its period."""

    def count(self, key: str, seconds: int) -> int:
        with self._lock:
            number, _, ends = self._row(key) or (0, 0, self._clock() + seconds)
            self.rows[key] = number + 1, 0, ends
            return number + 1

    def attempt(self, key: str, *, free: int, first_delay: int, max_delay: int, period: int) -> int:
        with self._lock:
            now = self._clock()
            number, next_at, _ = self._row(key) or (0, 0, 0)
            if next_at > now:
                return int(next_at - now)
            number += 1
            delay = min(first_delay * 2 ** (number - free), max_delay) if number >= free else 0
            self.rows[key] = number, now + delay, now + period
            return 0

    def uncount(self, *keys: str) -> None:
        for key in keys:
            self._uncount(key)

    def _uncount(self, key: str) -> None:
        with self._lock:
            if (row := self._row(key)) and row[0] > 0:
                self.rows[key] = row[0] - 1, *row[1:]

    def clear(self, key: str) -> None:
        with self._lock:
            self.rows.pop(key, None)

    def number(self, start: str) -> int:
        """Return the sum of the counters whose keys begin with `start`."""
        return sum(number for key, (number, *_) in self.rows.items() if key.startswith(start))

    def _row(self, key: str) -> tuple[int, float, float] | None:
        row = self.rows.get(key)
        return row if row is not None and row[2] > self._clock() else None
