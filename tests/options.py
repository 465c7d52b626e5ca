"""Options for tests of actions that need no application: one origin, one secret, everything in memory."""

from __future__ import annotations

from typing import Any

from genkan.adapters import MemoryAdapter
from genkan.identity import JSON
from genkan.options import Options
from genkan.tokens import Clock

ORIGIN = "http://127.0.0.1:5000"
SECRET = "tests-only-secret-that-protects-nothing-at-all"


class NoCache:
    """A cache that has forgotten everything."""

    def get(self, _key: str) -> Any:
        return None

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """Do nothing."""

    def delete(self, key: str) -> None:
        """Do nothing."""


def make_options(clock: Clock, *, origin: str = ORIGIN, secrets: tuple[str, ...] = (SECRET,), **given: Any) -> Options:
    """Options that differ from the plainest ones in what is given."""
    adapter = MemoryAdapter(clock=clock)
    return Options.resolve(
        origin=origin, secrets=secrets, providers=(), adapter=adapter, cache=NoCache(), clock=clock, **given
    )
