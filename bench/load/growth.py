"""Cost of a request with `auth()` for small and large tables of sessions and revocations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from statistics import median

from bench.load.clients import Throughput, saturate, warm_up
from bench.load.plan import Plan
from bench.load.steady import SESSION, serving
from bench.load.stores import Services


def growth(services: Services, plan: Plan) -> Iterator[str]:
    """Yield a table of a request with `auth()` for each number of sessions. The servers take turns in each round."""
    yield "\n### `GET /api/auth/session`, warm, against the smallest table (<= 1.25)\n"
    yield "| database | rows | times as long | processor time, times as much | µs of processor time | a second | MiB |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for kind in plan.databases:
        yield from _growth(services, plan, kind)


def _growth(services: Services, plan: Plan, kind: str) -> Iterator[str]:
    with ExitStack() as stack:
        stores = [stack.enter_context(services.store(kind, size)) for size in plan.sizes]
        servers = [stack.enter_context(serving(store, 1)) for store in stores]
        pairs = list(zip(servers, stores, strict=True))

        def turns() -> list[Throughput]:
            return [
                saturate(server, store.cookies, plan.seconds, paths=(SESSION,), connections=plan.connections)
                for server, store in pairs
            ]

        for server, store in pairs:
            warm_up(server, store.cookies, plan.seconds, paths=(SESSION,), connections=plan.connections)
        rounds = [turns() for _ in range(plan.rounds)]
        for number, (size, server) in enumerate(zip(plan.sizes, servers, strict=True)):
            longer = spread(runs[0].rate / runs[number].rate for runs in rounds)
            more = spread(runs[number].cpu / runs[0].cpu for runs in rounds)
            cpu, rate = median(runs[number].cpu for runs in rounds), median(runs[number].rate for runs in rounds)
            yield f"| {kind} | {size} | {longer} | {more} | {cpu:.0f} | {rate:,.0f} | {server.memory():.0f} |"


def spread(ratios: Iterable[float]) -> str:
    """Return the median, and the smallest and the largest ratio."""
    ordered = sorted(ratios)
    return f"{median(ordered):.2f} ({ordered[0]:.2f} to {ordered[-1]:.2f})"
