"""Sign-ins, sign-outs, "sign out everywhere else", changes of roles and disabling, all at the same time for the same
users."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.evidence.support.client import Forms, sign_in, subject
from bench.evidence.support.setting import DATABASES, Options, Row, application_with_provider
from bench.evidence.support.workers import Workers, every_worker_after_lag
from genkan.types import User
from tests.revocation.running_app import WORKERS, RunningApp
from tests.servers.faulty.provider import FaultyProvider

SIGN_INS = 3
"""Concurrent sign-ins of each user in a round."""


@dataclass(frozen=True)
class Done:
    """Action, with its start and end in monotonic seconds."""

    result: Any
    start: float
    end: float


@dataclass
class Counts:
    """Sums over all rounds."""

    actions: int = 0
    checks: int = 0
    must_be_dead: int = 0
    must_be_alive: int = 0
    undecided: int = 0
    """Sessions whose sign-in overlapped with "sign out everywhere else", so that either result is correct."""
    violations: int = 0

    def dead(self, workers: Workers, cookie: str) -> None:
        """Check that no worker accepts the session."""
        self.must_be_dead += 1
        self.violations += workers.accepting(cookie) != 0

    def alive(self, workers: Workers, cookie: str, role: str) -> None:
        """Check that every worker accepts the session and has the role."""
        self.must_be_alive += 1
        self.violations += [user and user["role"] for user in workers.users(cookie)] != [role] * WORKERS

    def same(self, workers: Workers, cookie: str) -> None:
        """Check that all workers decide alike."""
        self.undecided += 1
        self.violations += workers.accepting(cookie) not in (0, WORKERS)


class Round:
    """Three users: one is active, one is disabled, and one does nothing."""

    def __init__(self, running: RunningApp, provider: FaultyProvider, forms: Forms) -> None:
        self.running, self.provider, self.forms = running, provider, forms
        self.active, self.active_cookies = self._user()
        self.disabled, self.disabled_cookies = self._user()
        self.idle_cookie = running.sign_in()[1]

    def _user(self) -> tuple[User, list[str]]:
        user, cookie = self.running.sign_in(age=2)
        return user, [cookie, *(self.running.sign_in(age=2, user=user)[1] for _ in range(2))]

    def run(self, dice: random.Random, counts: Counts) -> None:
        """Run all actions at once. Check every session on every worker a second after the last one."""
        actions: dict[str, Callable[[], Any]] = {
            "role": lambda: self.running.adapter.update_user(self.active.id, role="editor"),
            "disable": lambda: self.running.adapter.update_user(self.disabled.id, disabled=True),
        }
        for name, user, cookies in (
            ("active", self.active, self.active_cookies),
            ("disabled", self.disabled, self.disabled_cookies),
        ):
            actions[f"{name} out"] = partial(self._sign_out, cookies[0])
            actions[f"{name} others"] = partial(self._end_others, cookies[1])
            for number in range(SIGN_INS):
                actions[f"{name} in {number}"] = partial(sign_in, self.running, self.provider, subject(user))
        done = run_at_once(actions, dice)
        counts.actions += len(done)
        with every_worker_after_lag(self.running, max(each.end for each in done.values())) as workers:
            self._check(workers, done, counts)
            counts.checks += workers.requests

    def _sign_out(self, cookie: str) -> int:
        return self.forms.sign_out(cookie).status_code

    def _end_others(self, cookie: str) -> int:
        return self.forms.submit("/account/sessions/end-others", cookie).status_code

    def _check(self, workers: Workers, done: dict[str, Done], counts: Counts) -> None:
        others = done["active others"]
        counts.violations += (done["active out"].result, others.result) != (303, 303)
        signed_out, remaining, ended = self.active_cookies
        counts.dead(workers, signed_out)
        counts.dead(workers, ended)
        counts.alive(workers, remaining, "editor")
        counts.alive(workers, self.idle_cookie, "user")
        for cookie in self.disabled_cookies:
            counts.dead(workers, cookie)
        for number in range(SIGN_INS):
            if cookie := done[f"disabled in {number}"].result:
                counts.dead(workers, cookie)
            self._check_sign_in(workers, done[f"active in {number}"], others, counts)

    def _check_sign_in(self, workers: Workers, sign_in: Done, others: Done, counts: Counts) -> None:
        if sign_in.result is None:
            counts.violations += 1
        elif sign_in.end < others.start:
            counts.dead(workers, sign_in.result)
        elif sign_in.start > others.end:
            counts.alive(workers, sign_in.result, "editor")
        else:
            counts.same(workers, sign_in.result)


def run_at_once(actions: dict[str, Callable[[], Any]], dice: random.Random) -> dict[str, Done]:
    """Run all actions in threads, each after a random delay."""
    barrier = threading.Barrier(len(actions))
    delays = [dice.random() * 0.3 for _ in actions]

    def run(action: Callable[[], Any], delay: float) -> Done:
        barrier.wait(30)
        time.sleep(delay)
        start = time.monotonic()
        result = action()
        return Done(result, start, time.monotonic())

    with ThreadPoolExecutor(len(actions)) as pool:
        results: Sequence[Done] = list(pool.map(run, actions.values(), delays))
    return dict(zip(actions, results, strict=True))


def measure(options: Options) -> Iterator[Row]:
    """Yield one row for each database."""
    for database in DATABASES:
        dice, counts = random.Random(options.seed), Counts()
        with application_with_provider(database) as (running, provider):
            forms = Forms(running)
            for _ in range(options.rounds):
                Round(running, provider, forms).run(dice, counts)
        yield Row(
            "races",
            database,
            f"{options.rounds} rounds, {counts.actions:,} concurrent actions, {counts.checks:,} checks",
            f"{counts.must_be_dead} sessions that must be dead, {counts.must_be_alive} that must be alive, "
            f"{counts.undecided} that may be either but the same on all workers: {counts.violations} violations",
        )
