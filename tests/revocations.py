"""Source of revocations that a test adds itself, in place of a session store."""

from __future__ import annotations

from collections.abc import Callable

from genkan.adapters.sessions import Revocation, RevocationKind
from genkan.errors import AdapterError


class RevocationSource:
    """Source of revocations that counts its calls and can fail. `before` is called first at each call."""

    def __init__(self) -> None:
        self.revocations: list[Revocation] = []
        self._last_id = 0
        self.calls = 0
        self.is_down = False
        self.before: Callable[[], object] = lambda: None

    def add(self, kind: RevocationKind, subject: str, at: int) -> None:
        """Add a revocation that does not expire during the test."""
        self._last_id += 1
        self.revocations.append(Revocation(self._last_id, kind, subject, at, 2**40))

    def revocations_since(self, after_id: int, limit: int) -> list[Revocation]:
        self.calls += 1
        self.before()
        if self.is_down:
            raise AdapterError("down")
        return [revocation for revocation in self.revocations if revocation.id > after_id][:limit]
