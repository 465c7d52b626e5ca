"""Several processes that do one thing to one database at the same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import TypeVar

from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, migrations, models

Result = TypeVar("Result")

TOGETHER_WITHIN = 60.0
_barrier: Barrier | None = None


def contend(work: Callable[[str], Result], url: str, processes: int = 4) -> list[Result]:
    """What `work(url)` returned in each of the processes, which began it together."""
    # The modules are read once, by the server that the processes are forked from.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_remember, initargs=(barrier,)) as pool:
        return list(pool.map(work, [url] * processes))


def _remember(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 (each process has its own)
    _barrier = barrier


def _together() -> None:
    if _barrier is not None:
        _barrier.wait(TOGETHER_WITHIN)


def spend_the_same_ids(url: str) -> list[bool]:
    """Which of 25 ids this process was the first to spend."""
    database = Database(url)
    tables = models.User, models.Account, models.UsedToken
    adapter = SQLAlchemyAdapter(database, *tables, seal=str, open=str)
    _together()
    won = [adapter.use_once(f"id-{number}", 4_000_000_000.0) for number in range(25)]
    database.close()
    return won


def upgrade(url: str) -> bool:
    """Whether nothing was left to do after this process had applied the migrations."""
    _together()
    migrations.upgrade(url)
    return not migrations.pending(url)
