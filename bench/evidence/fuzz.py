"""Random requests to every route of /api/auth, /account and the API: none may fail with 5xx, and none may gain a
session."""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from bench.evidence.support.client import Forms, address
from bench.evidence.support.random_requests import Generator, Request
from bench.evidence.support.raw_http import Answer, RawClient
from bench.evidence.support.setting import DATABASES, Options, Row, application_with_provider
from tests.revocation.running_app import COOKIE, RunningApp

CLIENTS = 8
REQUESTS_PER_SESSION = 50
"""Requests until a client gets a new user, as a request may have signed out or deleted the last one."""

SHOWN = 20
"""Failed requests that are printed."""

NEW_SESSION = re.compile(rf"{re.escape(COOKIE)}(\.\d+)?=[^;]")


class Fuzzer:
    """Clients that send random requests."""

    def __init__(self, running: RunningApp, seed: int) -> None:
        self.running, self.seed, self.forms = running, seed, Forms(running)
        self.statuses, self.gained, self.created = Counter[int](), 0, 0
        self.failed: list[tuple[Request, Answer]] = []
        self._lock = threading.Lock()

    def run(self, requests: int) -> None:
        """Send this number of requests."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            for client in [pool.submit(self._client, number, requests // CLIENTS) for number in range(CLIENTS)]:
                client.result()

    def stored(self) -> int:
        """Return the number of session records."""
        with self.running.database.read() as session:
            return int(session.execute(text("SELECT count(*) FROM genkan_sessions")).scalar_one())

    def _client(self, number: int, requests: int) -> None:
        generator = Generator(f"{self.seed} {number}", self.forms.token, self.forms.pair, COOKIE)
        client, cookie = RawClient(self.running.server.port), ""
        for count in range(requests):
            if count % REQUESTS_PER_SESSION == 0:
                client.close()
                cookie = self._new_session()
            request = generator.request(cookie, address())
            answer = client.send(request.method, request.path, request.headers, request.body)
            with self._lock:
                self._record(request, answer)
        client.close()

    def _record(self, request: Request, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        gained = not request.has_session and any(NEW_SESSION.match(line) for line in answer.set_cookies)
        self.gained += gained
        if gained or answer.status >= 500 or answer.status == 0:
            self.failed.append((request, answer))

    def _new_session(self) -> str:
        with self._lock:
            self.created += 1
            return self.running.sign_in()[1]


def measure(options: Options) -> Iterator[Row]:
    """Yield one row for each database. Requests that fail are printed to standard error."""
    for database in DATABASES:
        with application_with_provider(database) as (running, _):
            fuzzer = Fuzzer(running, options.seed)
            fuzzer.run(options.requests)
            gained = fuzzer.gained + max(0, fuzzer.stored() - fuzzer.created)
        for request, answer in fuzzer.failed[:SHOWN]:
            print(request, answer, file=sys.stderr)
        statuses = fuzzer.statuses
        errors = sum(count for status, count in statuses.items() if status >= 500)
        kinds = ", ".join(f"{sum(n for s, n in statuses.items() if s // 100 == kind):,} {kind}xx" for kind in (2, 3, 4))
        yield Row(
            "fuzz",
            database,
            f"{statuses.total():,} requests, seed {options.seed}: {kinds}",
            f"5xx: {errors}. Without a response: {statuses[0]}. Sessions gained: {gained}",
        )
