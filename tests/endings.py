"""Endings that a test writes down itself, where a store would check and count them."""

from __future__ import annotations

from collections.abc import Callable

from genkan.errors import StoreError
from genkan.session_records import Ending, EndingKind


class EndingList:
    """An `EndingLog` that counts its calls and can be down. `before` is called at each of them."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []
        self._mark = 0
        self.asked = 0
        self.is_down = False
        self.before: Callable[[], object] = lambda: None

    def add(self, kind: EndingKind, subject: str, at: int) -> None:
        """Add an ending that matters for a long time."""
        self._mark += 1
        self.endings.append(Ending(self._mark, kind, subject, at, 2**40))

    def endings_after(self, mark: int, limit: int) -> list[Ending]:
        self.asked += 1
        self.before()
        if self.is_down:
            raise StoreError("down")
        return [ending for ending in self.endings if ending.mark > mark][:limit]
