"""Endings that a test writes down itself, where a store would check and count them."""

from __future__ import annotations

from collections.abc import Callable

from genkan.adapters.sessions import Revocation, RevocationKind
from genkan.errors import AdapterError


class RevocationSource:
    """An `EndingLog` that counts its calls and can be down. `before` is called at each of them."""

    def __init__(self) -> None:
        self.endings: list[Revocation] = []
        self._mark = 0
        self.asked = 0
        self.is_down = False
        self.before: Callable[[], object] = lambda: None

    def add(self, kind: RevocationKind, subject: str, at: int) -> None:
        """Add an ending that matters for a long time."""
        self._mark += 1
        self.endings.append(Revocation(self._mark, kind, subject, at, 2**40))

    def revocations_since(self, mark: int, limit: int) -> list[Revocation]:
        self.asked += 1
        self.before()
        if self.is_down:
            raise AdapterError("down")
        return [ending for ending in self.endings if ending.id > mark][:limit]
