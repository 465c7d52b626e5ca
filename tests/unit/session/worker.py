"""Worker with its own copy of the revocation list."""

from __future__ import annotations

from genkan.session.revocation_list import RevocationList
from tests.clock import FrozenClock
from tests.revocations import RevocationSource


class Worker:
    """Worker with its own copy of the revocation list and its own monotonic clock."""

    def __init__(self, source: RevocationSource, clock: FrozenClock) -> None:
        self.monotonic = FrozenClock()
        self.revocations = RevocationList(source, clock, monotonic=self.monotonic)

    def check(self, **claims: object) -> str | None:
        """Return the verdict on a token with these claims that was issued at second 1000."""
        self.revocations.refresh()
        return self.revocations.check({"iat": 1000, **claims}, 1000)
