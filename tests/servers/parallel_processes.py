"""Functions that run in several processes at the same time, on one database."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import TypeVar

from genkan.adapters.sqlalchemy import Database, migrations
from tests.databases import adapter_in, stores_in

Result = TypeVar("Result")

BARRIER_TIMEOUT = 60.0
_barrier: Barrier | None = None


def run_in_processes(work: Callable[[str], Result], url: str, processes: int = 4) -> list[Result]:
    """Call `work(url)` in several processes at the same time and return the results."""
    # The fork server imports the modules once for all processes.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_set_barrier, initargs=(barrier,)) as pool:
        return list(pool.map(work, [url] * processes))


def _set_barrier(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 (each process has its own)
    _barrier = barrier


def _wait_for_all() -> None:
    if _barrier is not None:
        _barrier.wait(BARRIER_TIMEOUT)


def use_same_ids(url: str) -> list[bool]:
    """Use 25 ids. Return for each whether this process was the first to use it."""
    database = Database(url)
    adapter = adapter_in(database)
    _wait_for_all()
    first = [adapter.use_once(f"id-{number}", 4_000_000_000.0) for number in range(25)]
    database.close()
    return first


def use_same_links(url: str) -> list[bool]:
    """Use the links `hash-0` to `hash-24`. Return for each whether this process has used it."""
    database = Database(url)
    local = stores_in(database).local
    assert local is not None
    _wait_for_all()
    used = [local.verifications.use("hana@example.org", f"hash-{number}") is not None for number in range(25)]
    database.close()
    return used


def upgrade(url: str) -> bool:
    """Apply the migrations. Return True if none is pending afterwards."""
    _wait_for_all()
    migrations.upgrade(url)
    return not migrations.pending(url)


def use_same_factors(url: str, user_id: str) -> list[tuple[bool, bool, bool]]:
    """Use 25 steps, recovery codes and waiting sign-ins of a user. Return for each what this process has used."""
    database = Database(url)
    store = stores_in(database).factors
    assert store is not None
    _wait_for_all()
    used = [
        (
            store.use_step(user_id, "secret", 10 + number),
            store.use_code(user_id, f"code-{number}"),
            store.use_pending(f"pending-{number}"),
        )
        for number in range(25)
    ]
    database.close()
    return used
