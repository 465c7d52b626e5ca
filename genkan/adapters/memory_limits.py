"""Counters of one worker, for an application without a database."""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import NamedTuple

from genkan.cache.bounded import BoundedCache

MAX_COUNTERS = 10_000
"""Counters that a worker keeps. The oldest are dropped first."""


class _Counter(NamedTuple):
    number: int = 0
    next_at: int = 0
    expires: int = 0


class MemoryLimitStore:
    """Implementation of `genkan.adapters.addresses.LimitStore` in the memory of the process. A restart forgets it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counters: BoundedCache[_Counter] = BoundedCache(MAX_COUNTERS)
        self._lock = Lock()

    def count(self, key: str, seconds: int) -> int:
        """Count one more and return the number since the first, which starts a period of `seconds`."""
        with self._lock:
            counter = self._get(key)
            counter = counter._replace(
                number=counter.number + 1, expires=counter.expires or math.ceil(self._clock() + seconds)
            )
            self._counters.set(_hash(key), counter)
            return counter.number

    def attempt(self, key: str, *, free: int, first_delay: int, max_delay: int, period: int) -> int:
        """Count an attempt that may fail and return 0, or the seconds to wait, and count nothing."""
        with self._lock:
            counter, now = self._get(key), self._clock()
            if counter.next_at > now:
                return max(1, math.ceil(counter.next_at - now))
            number = counter.number + 1
            # Beyond 30 doublings every delay is the longest one.
            delay = min(first_delay * 2 ** min(number - free, 30), max_delay) if number >= free else 0
            next_at = math.ceil(now + delay) if delay else 0
            self._counters.set(_hash(key), _Counter(number, next_at, math.ceil(now + period)))
            return 0

    def uncount(self, *keys: str) -> None:
        """Take one of each back. A counter that has ended or is 0 stays."""
        with self._lock:
            for key in keys:
                counter = self._get(key)
                if counter.number:
                    self._counters.set(_hash(key), counter._replace(number=counter.number - 1))

    def clear(self, key: str) -> None:
        """Delete the counter."""
        with self._lock:
            self._counters.set(_hash(key), _Counter())

    def _get(self, key: str) -> _Counter:
        counter = self._counters.get(_hash(key))
        return counter if counter is not None and counter.expires > self._clock() else _Counter()


def _hash(key: str) -> bytes:
    # The same size for every key.
    return sha256(key.encode()).digest()
