"""Transactions with revocations that commit 15 seconds after others that began later (PostgreSQL)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg

from bench.evidence.support.client import Forms
from bench.evidence.support.setting import POSTGRESQL, Options, Row, application
from bench.evidence.support.workers import every_worker, every_worker_after_lag
from tests.revocation.running_app import WORKERS, RunningApp, run_parallel

HELD_SECONDS = 15
TRANSACTIONS = 20
SIGN_OUTS = 100

REVOKE = "INSERT INTO revocations (kind, subject, at, until) VALUES ('session', %s, 1, 99999999999)"


def measure(options: Options) -> Iterator[Row]:
    """Yield one row."""
    with application(POSTGRESQL) as running:
        forms = Forms(running)
        late = [running.sign_in()[1] for _ in range(TRANSACTIONS)]
        prompt = [running.sign_in()[1] for _ in range(SIGN_OUTS)]
        alive = [running.sign_in()[1] for _ in range(TRANSACTIONS)]
        with every_worker(running) as workers:
            before = sum(workers.accepting(cookie) for cookie in (*late, *prompt, *alive))
            requests = workers.requests
        assert before == requests, "a session was not accepted at the start"
        accepted_prompt, requests = _hold(running, forms, late, prompt)
        with every_worker_after_lag(running, time.monotonic()) as workers:
            accepted_late = sum(workers.accepting(cookie) for cookie in late)
            lost = sum(WORKERS - workers.accepting(cookie) for cookie in alive)
            requests += workers.requests
    yield Row(
        "late-commits",
        POSTGRESQL,
        f"{TRANSACTIONS} transactions held open for {HELD_SECONDS} s, {SIGN_OUTS} sign-outs that commit meanwhile, "
        f"{requests:,} checks on {WORKERS} workers",
        f"accepted later than 1 s after the commit: {accepted_late} late and {accepted_prompt} other revocations. "
        f"Sessions lost: {lost}",
    )


def _hold(running: RunningApp, forms: Forms, late: list[str], prompt: list[str]) -> tuple[int, int]:
    """Revoke `late` in open transactions and `prompt` meanwhile. Return acceptances of `prompt` and the number of
    checks."""
    url = running.settings["DATABASE_URL"].replace("+psycopg", "")
    with ExitStack() as stack:
        for number in range(1, TRANSACTIONS + 1):
            connection = stack.enter_context(psycopg.connect(url))  # commits at the end of the block
            connection.execute(REVOKE, [f"sid of user-{number}"])
        started = time.monotonic()
        statuses = run_parallel(lambda number: forms.sign_out(prompt[number]).status_code, SIGN_OUTS)
        assert statuses == [303] * SIGN_OUTS
        with every_worker_after_lag(running, time.monotonic()) as workers:
            accepted = sum(workers.accepting(cookie) for cookie in prompt)
            # Uncommitted revocations do not apply yet. A worker must still find them later.
            early = sum(WORKERS - workers.accepting(cookie) for cookie in late)
            requests = workers.requests
        assert early == 0, "a revocation applied before its commit"
        time.sleep(max(0.0, started + HELD_SECONDS - time.monotonic()))
    return accepted, requests
