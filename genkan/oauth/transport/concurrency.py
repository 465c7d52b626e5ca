"""Limit on concurrent calls, so that a provider that hangs does not occupy every thread."""

from __future__ import annotations

from collections import Counter
from math import inf
from threading import Condition

CALLS_PER_HOST = 8
"""Concurrent calls to one host. The other threads of the worker stay free."""

CALLS_PER_PROCESS = 32
"""Concurrent calls to all hosts together."""

WAIT_SECONDS = 1.0
"""Seconds that a caller waits for its turn: enough for a burst of sign-ins, too short to queue behind a provider that
hangs."""


class ConcurrencyLimit:
    """Counts concurrent calls. A call above the limit waits for WAIT_SECONDS and is then refused."""

    def __init__(
        self, per_host: int = CALLS_PER_HOST, total: int = CALLS_PER_PROCESS, timeout: float = WAIT_SECONDS
    ) -> None:
        self._per_host = per_host
        self._total = total
        self._timeout = timeout
        self._changed = Condition()
        self._calls: Counter[str] = Counter()

    def acquire(self, host: str, seconds: float = inf) -> bool:
        """Wait at most `seconds` for a turn. Returns False if there was none. Call `release` afterwards."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(host), min(self._timeout, seconds)):
                return False
            self._calls[host] += 1
            return True

    def release(self, host: str) -> None:
        """End a call that `acquire` allowed."""
        with self._changed:
            self._calls[host] -= 1
            if not self._calls[host]:
                del self._calls[host]
            self._changed.notify_all()

    def _is_free(self, host: str) -> bool:
        return self._calls[host] < self._per_host and self._calls.total() < self._total
