"""Sign-outs while the disk is full (SQLite) or the database is read-only (PostgreSQL)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.evidence.support.client import Forms
from bench.evidence.support.setting import DATABASES, POSTGRESQL, Options, Row, application
from bench.evidence.support.workers import every_worker, every_worker_after_lag
from tests.revocation.running_app import WORKERS
from tests.revocation.test_failing_databases import ticket_in, unwritable

SIGN_OUTS = 100
CLIENTS = 20


def measure(options: Options) -> Iterator[Row]:
    """Yield one row for each database."""
    for database in DATABASES:
        with application(database) as running:
            forms = Forms(running)
            cookies = [running.sign_in()[1] for _ in range(SIGN_OUTS)]
            idle = running.sign_in()[1]
            with every_worker(running):
                pass
            with unwritable(running), ThreadPoolExecutor(CLIENTS) as pool:
                responses = list(pool.map(forms.sign_out, cookies))
            tickets = [ticket_in(response) for response in responses if response.status_code == 503]
            with every_worker_after_lag(running, time.monotonic()) as workers:
                still = sum(workers.accepting(cookie) == WORKERS for cookie in cookies)
            completed = sum(forms.sign_out("", ticket=ticket).status_code == 303 for ticket in tickets)
            with every_worker_after_lag(running, time.monotonic()) as workers:
                alive = sum(workers.accepting(cookie) != 0 for cookie in cookies)
                lost = WORKERS - workers.accepting(idle)
        yield Row(
            "unwritable",
            f"{database}, {'read-only' if database == POSTGRESQL else 'disk full'}",
            f"{SIGN_OUTS} sign-outs, {len(tickets)} answered 503 with a ticket, {still} sessions valid meanwhile",
            f"completed by the ticket: {completed}. Accepted afterwards: {alive}. Other sessions lost: {lost}",
        )
