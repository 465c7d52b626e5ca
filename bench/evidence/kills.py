"""Workers that are killed with SIGKILL while users sign out, half of the time with a database that can't be written."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass

import requests

from bench.evidence.support.client import Forms
from bench.evidence.support.setting import DATABASES, Options, Row, application
from bench.evidence.support.workers import Workers, every_worker, every_worker_after_lag, pids
from tests.revocation.running_app import WORKERS, RunningApp
from tests.revocation.test_failing_databases import ticket_in, unwritable

MAX_DELAY = 0.5
"""Seconds between the start of the sign-outs and the kill. All of them take about as long."""

SIGN_OUTS = 16
"""Concurrent sign-outs in a round."""


@dataclass
class Counts:
    """Sums over all rounds."""

    kills: int = 0
    done: int = 0
    postponed: int = 0
    unanswered: int = 0
    alive_after_303: int = 0
    failed_tickets: int = 0
    undecided: int = 0
    """Sessions of a sign-out without a response that only some workers accept."""


def measure(options: Options) -> Iterator[Row]:
    """Yield one row for each database."""
    rounds = max(2, options.rounds // 2)
    for database in DATABASES:
        dice, counts = random.Random(options.seed), Counts()
        with application(database) as running:
            forms = Forms(running)
            for number in range(rounds):
                _round(running, forms, dice, counts, is_unwritable=number % 2 == 1)
        yield Row(
            "kills",
            database,
            f"{rounds} rounds, {counts.kills} workers killed, {rounds * SIGN_OUTS} sign-outs: {counts.done} "
            f"answered 303, {counts.postponed} answered 503, {counts.unanswered} without a response",
            f"303, but accepted later: {counts.alive_after_303}. 503, but the ticket failed: {counts.failed_tickets}. "
            f"No response, and workers that disagree: {counts.undecided}",
        )


def _round(running: RunningApp, forms: Forms, dice: random.Random, counts: Counts, *, is_unwritable: bool) -> None:
    cookies = [running.sign_in()[1] for _ in range(SIGN_OUTS)]
    with unwritable(running) if is_unwritable else nullcontext():
        responses = _sign_out_and_kill(running, forms, cookies, dice, counts)
        # New workers must run before the database can be written again.
        with every_worker(running):
            pass
    tickets: list[tuple[str, str]] = []
    with every_worker_after_lag(running, time.monotonic()) as workers:
        for cookie, response in zip(cookies, responses, strict=True):
            if response is not None and response.status_code == 503:
                tickets.append((cookie, ticket_in(response)))
            else:
                _check(workers, cookie, response, counts)
    answers = [forms.sign_out("", ticket=ticket).status_code for _, ticket in tickets]
    counts.postponed += len(tickets)
    with every_worker_after_lag(running, time.monotonic()) as workers:
        dead = [workers.accepting(cookie) == 0 for cookie, _ in tickets]
    counts.failed_tickets += sum(status != 303 or not is_dead for status, is_dead in zip(answers, dead, strict=True))


def _check(workers: Workers, cookie: str, response: requests.Response | None, counts: Counts) -> None:
    accepting = workers.accepting(cookie)
    if response is None:
        counts.unanswered += 1
        counts.undecided += accepting not in (0, WORKERS)
    else:
        assert response.status_code == 303, f"{response.status_code} for a sign-out"
        counts.done += 1
        counts.alive_after_303 += accepting != 0


def _sign_out_and_kill(
    running: RunningApp, forms: Forms, cookies: list[str], dice: random.Random, counts: Counts
) -> list[requests.Response | None]:
    """Sign out all at once and kill one to four workers meanwhile. Return the responses, None for one that is missing
    or incomplete."""
    barrier = threading.Barrier(len(cookies) + 1)

    def sign_out(cookie: str) -> requests.Response | None:
        barrier.wait(30)
        try:
            return forms.sign_out(cookie)
        except requests.RequestException:
            return None

    with ThreadPoolExecutor(len(cookies)) as pool:
        pending = [pool.submit(sign_out, cookie) for cookie in cookies]
        victims, delay = dice.sample(pids(running), dice.randint(1, WORKERS)), dice.random() * MAX_DELAY
        barrier.wait(30)
        time.sleep(delay)
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                counts.kills += 1
        return [each.result() for each in pending]
