"""Source of revocations that a test adds itself, in place of a session store."""

from __future__ import annotations

from collections.abc import Callable

from genkan.adapters.sessions import Revocation, RevocationKind, RevocationReading
from genkan.crypto.sealer import Clock
from genkan.errors import AdapterError
from tests.clock import FrozenClock

BATCH_SIZE = 1000


class RevocationSource:
    """Source of revocations that keeps the position of each call and can fail.

    `before` is called first at each call, and `after` when all rows have been passed on. `clock` is the source's clock.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or FrozenClock()
        self.positions: list[str] = []
        self.is_down = False
        self.before: Callable[[], object] = lambda: None
        self.after: Callable[[], object] = lambda: None
        self._rows: dict[int, Revocation] = {}
        self._last_id = 0

    @property
    def calls(self) -> int:
        """Return the number of calls."""
        return len(self.positions)

    def add(self, kind: RevocationKind, subject: str, at: int, except_sid: str | None = None) -> None:
        """Add a revocation that does not expire during the test."""
        self._last_id += 1
        self._rows[self._last_id] = Revocation(kind, subject, at, 2**40, except_sid)

    def remove(self, subject: str) -> None:
        """Delete the revocations of this subject, as a purge does."""
        self._rows = {id: row for id, row in self._rows.items() if row.subject != subject}

    def restore(self, last_id: int) -> None:
        """Go back to the time when this id was the last one, as an older copy of a database file does."""
        self._rows = {id: row for id, row in self._rows.items() if id <= last_id}
        self._last_id = last_id

    def read_revocations(self, position: str, apply: Callable[[list[Revocation]], object]) -> RevocationReading:
        """Pass the revocations that were added since `position` to `apply`."""
        self.positions.append(position)
        self.before()
        if self.is_down:
            raise AdapterError("down")
        last_id, start = self._last_id, int(position or 0)
        rows = [row for id, row in self._rows.items() if id > (start if start <= last_id else 0)]
        for index in range(0, len(rows), BATCH_SIZE):
            apply(rows[index : index + BATCH_SIZE])
        self.after()
        return RevocationReading(str(last_id), self.clock())
