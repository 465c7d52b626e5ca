"""A bounded memory of one worker: what was worked out for a key is not worked out again (M5)."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """At most `limit` values, the oldest dropped first; safe between threads.

    It knows nothing of time: whoever reads a value decides whether it still holds.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[bytes, Value] = {}
        self._lock = Lock()
        self.get = self._values.get

    def put(self, key: bytes, value: Value) -> None:
        """Remember `value` for `key`, in place of what was there."""
        with self._lock:
            self._values.pop(key, None)
            while len(self._values) >= self._limit:
                del self._values[next(iter(self._values))]
            self._values[key] = value

    def forget(self, key: bytes) -> None:
        """Drop what is remembered for `key`, if anything."""
        with self._lock:
            self._values.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()

    def __len__(self) -> int:
        return len(self._values)
