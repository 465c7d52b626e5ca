"""Memory of the workers while they answer many requests for different routes and users."""

from __future__ import annotations

from collections.abc import Iterator

from bench.load.clients import saturate, warm_up
from bench.load.plan import Plan
from bench.load.steady import serving
from bench.load.stores import Services

PATHS = ("/api/auth/session", "/partials/user-menu", "/api/user/profile", "/dashboard", "/api/auth/session")
WARM_UP = 0.02
"""Share of the requests that are sent before the first measurement."""
LONGEST = 900
"""Seconds after which a slow machine ends the run."""


def memory(services: Services, plan: Plan) -> Iterator[str]:
    """Yield a table with a row for each step of each database."""
    yield f"\n### Memory of the largest of two workers, {len(PATHS)} routes in turn (<= 1.1)\n"
    yield "| database | requests | a second | MiB | against the memory after warm-up | errors |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind in plan.databases:
        yield from _memory(services, plan, kind)


def _memory(services: Services, plan: Plan, kind: str) -> Iterator[str]:
    with services.store(kind) as store, serving(store, 2) as server:
        warm_up(server, store.cookies, plan.seconds, paths=PATHS, connections=plan.connections)
        sent = errors = seconds = 0
        first, wanted = 0.0, plan.memory_requests * WARM_UP
        while seconds < LONGEST:
            run = saturate(server, store.cookies, plan.seconds, paths=PATHS, connections=plan.connections)
            sent, errors, seconds = sent + run.requests, errors + run.errors, seconds + plan.seconds
            if sent >= wanted:
                now = server.memory()
                first = first or now
                yield f"| {kind} | {sent:,} | {run.rate:,.0f} | {now:.1f} | {now / first:.2f} | {errors} |"
                if sent >= plan.memory_requests:
                    return
                wanted = min(wanted + plan.memory_requests / plan.memory_steps, plan.memory_requests)
    yield f"| {kind} | stopped after {LONGEST} seconds | | | | |"
