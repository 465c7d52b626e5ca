"""A bounded memory of one worker: what was worked out for a key is not worked out again (M5)."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """Values that weigh at most `limit` together, the oldest dropped first; safe between threads.

    It knows nothing of time: whoever reads a value decides whether it still holds.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[bytes, Value] = {}
        self._weights: dict[bytes, int] = {}
        self._weight = 0
        self._lock = Lock()
        self.get = self._values.get

    def set(self, key: bytes, value: Value, weight: int = 1) -> None:
        """Remember `value` for `key`, in place of what was there; not at all if it is too heavy."""
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
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._weights.clear()
            self._weight = 0

    def _drop(self, key: bytes) -> None:
        self._values.pop(key, None)
        self._weight -= self._weights.pop(key, 0)

    def __len__(self) -> int:
        return len(self._values)
