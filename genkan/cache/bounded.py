"""In-memory cache of one worker with a size limit."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """Thread-safe cache whose entries have a total weight of at most `limit`. The oldest entries are dropped first.

    Entries do not expire: the caller decides whether a value is still valid.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[str | bytes, Value] = {}
        self._weights: dict[str | bytes, int] = {}
        self._weight = 0
        self._lock = Lock()
        self.get = self._values.get

    def set(self, key: str | bytes, value: Value, weight: int = 1) -> None:
        """Store `value` for `key` and replace an earlier value.

        A value that is heavier than the limit is not stored.
        """
        with self._lock:
            self._drop(key)
            if weight > self._limit:
                return
            while self._weight + weight > self._limit:
                self._drop(next(iter(self._values)))
            self._values[key] = value
            self._weights[key] = weight
            self._weight += weight

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._values.clear()
            self._weights.clear()
            self._weight = 0

    def _drop(self, key: str | bytes) -> None:
        self._values.pop(key, None)
        self._weight -= self._weights.pop(key, 0)

    def __len__(self) -> int:
        return len(self._values)
