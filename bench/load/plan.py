"""Bounds of the scenarios, for a full and for a quick run."""

from __future__ import annotations

from dataclasses import dataclass

from bench.load.stores import Size


@dataclass(frozen=True)
class Plan:
    """Bounds of a run. `quick` checks that everything works, `full` gives the figures."""

    databases: tuple[str, ...] = ("SQLite", "PostgreSQL")
    """PostgreSQL is used with Redis."""
    workers: tuple[int, ...] = (1, 2, 3, 4)
    rounds: int = 5
    seconds: int = 3
    """Duration of a run of wrk."""
    steady_seconds: int = 20
    ramp: tuple[float, ...] = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
    """Shares of the capacity."""
    ramp_seconds: int = 8
    sizes: tuple[Size, ...] = (Size(1_000, 100), Size(100_000, 10_000), Size(1_000_000, 100_000))
    memory_requests: int = 500_000
    memory_steps: int = 5
    restarts: int = 3
    connections: int = 16


FULL = Plan()
QUICK = Plan(
    workers=(2,),
    rounds=1,
    seconds=2,
    steady_seconds=4,
    ramp=(0.5, 1.0),
    ramp_seconds=2,
    sizes=(Size(1_000, 100), Size(50_000, 5_000)),
    memory_requests=5_000,
    memory_steps=2,
    restarts=1,
)
