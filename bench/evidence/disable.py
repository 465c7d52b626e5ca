"""`users disable` for a user with 100,000 session records, while other users sign in."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from bench.evidence.support.client import sign_in
from bench.evidence.support.setting import DATABASES, Options, Row, application_with_provider
from bench.evidence.support.workers import every_worker_after_lag
from tests.revocation.running_app import DAY, RunningApp
from tests.servers.faulty.provider import FaultyProvider

RECORDS = 100_000
CLIENTS = 4
MIN_SIGN_INS = 10
"""Sign-ins to wait for before the command and after it."""

INSERT = text(
    "INSERT INTO genkan_sessions (id, user_id, provider, created, last_seen, expires, absolute_expires, device)"
    " VALUES (:id, :user, 'oidc', :now, :now, :expires, :expires, 'evidence')"
)


class SignIns:
    """Users who sign in one after the other until they are stopped."""

    def __init__(self, running: RunningApp, provider: FaultyProvider) -> None:
        self._running, self._provider = running, provider
        self._numbers, self._stopped = itertools.count(1), threading.Event()
        self.spans: list[tuple[float, float]] = []
        """Start and end of each sign-in in monotonic seconds."""
        self.failed = 0

    def run(self, _: int) -> None:
        """Sign in new users."""
        while not self._stopped.is_set():
            start = time.monotonic()
            try:
                is_signed_in = sign_in(self._running, self._provider, f"other-{next(self._numbers)}") is not None
            except (OSError, KeyError, ValueError):
                is_signed_in = False
            self.spans.append((start, time.monotonic()))
            self.failed += not is_signed_in

    def stop(self) -> None:
        """Let the clients end."""
        self._stopped.set()

    def wait_for_more(self) -> None:
        """Wait until MIN_SIGN_INS more sign-ins have ended."""
        enough = len(self.spans) + MIN_SIGN_INS
        while len(self.spans) < enough:
            time.sleep(0.05)


def measure(options: Options) -> Iterator[Row]:
    """Yield one row for each database."""
    for database in DATABASES:
        with application_with_provider(database) as (running, provider):
            user, cookie = running.sign_in(age=2)
            _fill(running, user.id)
            sign_ins = SignIns(running, provider)
            with ThreadPoolExecutor(CLIENTS) as pool:
                clients = [pool.submit(sign_ins.run, number) for number in range(CLIENTS)]
                sign_ins.wait_for_more()
                start = time.monotonic()
                running.command("users", "disable", user.id)
                end = time.monotonic()
                sign_ins.wait_for_more()
                sign_ins.stop()
                for client in clients:
                    client.result()
            with every_worker_after_lag(running, end) as workers:
                accepting = workers.accepting(cookie)
        during = [last - first for first, last in sign_ins.spans if first < end and last > start]
        yield Row(
            "disable",
            database,
            f"{RECORDS:,} session records of the user, {len(sign_ins.spans)} sign-ins of others, {len(during)} of them "
            "during the command",
            f"the command took {end - start:.1f} s with its start. Failed sign-ins: {sign_ins.failed}. Slowest during the "
            f"command: {max(during):.2f} s. Workers that accept the user afterwards: {accepting}",
        )


def _fill(running: RunningApp, user_id: str) -> None:
    now = int(time.time())
    rows = [
        {"id": f"record {number}", "user": user_id, "now": now, "expires": now + 30 * DAY} for number in range(RECORDS)
    ]
    running.database.run(lambda session: session.execute(INSERT, rows))
