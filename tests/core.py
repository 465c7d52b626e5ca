"""Core for tests without an application: one origin, one secret and a new SQLite database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from genkan.callbacks import Callbacks
from genkan.core import Core
from genkan.crypto.sealer import Clock
from genkan.types import JSON
from tests.databases import adapter_in, new_database, store_in

ORIGIN = "http://127.0.0.1:5000"
SECRET = "tests-only-secret-that-protects-nothing-at-all"


class NoCache:
    """Cache that stores nothing."""

    def get(self, _key: str) -> Any:
        return None

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """Do nothing."""

    def mark(self, key: str, seconds: int) -> bool:
        return True

    def delete(self, key: str) -> None:
        """Do nothing."""


def with_callbacks(core: Core, callbacks: Callbacks) -> Core:
    """Return the core with these callbacks."""
    return replace(core, callbacks=callbacks, sessions=replace(core.sessions, callbacks=callbacks))


def with_callback(core: Core, **changes: Callable[..., Any]) -> Core:
    """Return the core with its callbacks changed by these."""
    return with_callbacks(core, replace(core.callbacks, **changes))


def make_core(clock: Clock, *, origin: str = ORIGIN, secrets: tuple[str, ...] = (SECRET,), **settings: Any) -> Core:
    """Return a Core with default settings and an empty database. `settings` are keyword arguments of `Core.build`."""
    database = new_database(clock)
    return Core.build(
        origin=origin,
        secrets=secrets,
        providers=(),
        adapter=adapter_in(database),
        session_store=store_in(database),
        cache=NoCache(),
        clock=clock,
        **settings,
    )
