"""Latencies of the session route at constant rates: at 70 % of the capacity for 1 to 4 workers, and at rising rates."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median

import requests

from bench import granian
from bench.granian import Server
from bench.load.clients import Responses, saturate, send_at, warm_up
from bench.load.plan import Plan
from bench.load.stores import Services, Store

APPLICATION = "app:create_app"
SESSION = "/api/auth/session"
SHARE = 0.7
QUANTILES = (0.5, 0.95, 0.99, 0.999)


def steady(services: Services, plan: Plan) -> Iterator[str]:
    """Yield a table with one row for each database and number of workers."""
    yield "\n### `GET /api/auth/session` at 70 % of the capacity (p99/p50 <= 5)\n"
    yield "| database | workers | capacity a second | sent a second | p50 ms | p95 | p99 | p99.9 | p99/p50 | errors | MiB a worker |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for kind in plan.databases:
        with services.store(kind) as store:
            for workers in plan.workers:
                with serving(store, workers) as server:
                    yield _steady(kind, workers, server, store, plan, SESSION)
    with services.store("SQLite") as store:
        for workers in plan.workers:
            with serving(store, workers, "bench.plain:create_app") as server:
                yield _steady("none, bare Flask route", workers, server, store, plan, "/json")


def _steady(kind: str, workers: int, server: Server, store: Store, plan: Plan, path: str) -> str:
    most = capacity(server, store, plan, path)
    runs = [send_at(most * SHARE, server, store.cookies[0], plan.steady_seconds / 2, path) for _ in range(2)]
    return f"| {kind} | {workers} | {most:,.0f} | {_row(runs)} | {server.memory():.0f} |"


def ramp(services: Services, plan: Plan) -> Iterator[str]:
    """Yield a table with one row for each database and each share of the capacity, with two workers."""
    yield "\n### `GET /api/auth/session` at rising rates, two workers\n"
    yield "| database | share of the capacity | sent a second | p50 ms | p95 | p99 | p99.9 | p99/p50 | errors | MiB a worker |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for kind in plan.databases:
        with services.store(kind) as store, serving(store, 2) as server:
            most = capacity(server, store, plan, SESSION)
            for share in plan.ramp:
                runs = [send_at(most * share, server, store.cookies[0], plan.ramp_seconds, SESSION)]
                yield f"| {kind} | {share:.0%} | {_row(runs)} | {server.memory():.0f} |"


@contextmanager
def serving(store: Store, workers: int, target: str = APPLICATION) -> Iterator[Server]:
    """Serve the reference application, or another one, with this store."""
    command = granian.command(target, store.port, workers=workers)
    with granian.running("granian", command, store.port, store.environment) as server:
        if target == APPLICATION:
            for cookie in (store.cookies[0], store.cookies[-1]):
                _require_session(server, cookie)
        yield server


def _require_session(server: Server, cookie: str) -> None:
    """Exit if the session is not read. An empty answer would be a fast one."""
    session = requests.get(server.origin + SESSION, headers={"Cookie": cookie}, timeout=30).json()
    if not session or not session["user"]["email"]:
        sys.exit("genkan: the application does not read the session")


def capacity(server: Server, store: Store, plan: Plan, path: str) -> float:
    """Warm the server up, and return the median requests a second that it answers at most."""
    client = partial(saturate, server, store.cookies, plan.seconds, paths=(path,), connections=plan.connections)
    warm_up(server, store.cookies, plan.seconds, paths=(path,), connections=plan.connections)
    return median(client().rate for _ in range(plan.rounds))


def _row(runs: list[Responses]) -> str:
    """Return the medians of the runs, and the sum of their errors."""
    p50, p95, p99, p999 = (median(values) for values in zip(*(run.quantiles(*QUANTILES) for run in runs), strict=True))
    ratio = median(high / low for low, high in (run.quantiles(0.5, 0.99) for run in runs))
    errors = f"{sum(run.errors for run in runs)} of {sum(run.requests for run in runs):,}"
    rate = median(run.rate for run in runs)
    return f"{rate:,.0f} | {p50:.1f} | {p95:.1f} | {p99:.1f} | {p999:.1f} | {ratio:.1f} | {errors}"
