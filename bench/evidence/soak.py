"""Mixed requests of many users: memory of the workers and responses with 5xx."""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

from bench.evidence.support.client import Forms, address, sign_in
from bench.evidence.support.raw_http import RawClient
from bench.evidence.support.setting import DATABASES, Options, Row, application_with_provider
from bench.evidence.support.workers import pids
from tests.revocation.running_app import COOKIE, RunningApp
from tests.servers.faulty.provider import FaultyProvider

CLIENTS = 8
WARM_UP = 5_000
"""Requests before the first measurement of the memory."""
REQUESTS_PER_CONNECTION = 50
"""A new connection may be accepted by another worker."""

PAGES = {
    "/api/auth/session": 40,
    "/dashboard": 15,
    "/partials/user-menu": 10,
    "/account": 5,
    "/api/user/profile": 5,
    "/api/auth/csrf": 4,
    "/api/auth/signin": 3,
    "/api/auth/callback/oidc?code=x&state=y": 2,
    "/no/such/page": 2,
}
ACTIONS = {"update": 4, "rename": 2, "end-others": 2, "start": 3, "sign-out": 3, "sign-in": 1}
WEIGHTS = {**PAGES, **ACTIONS}
"""Requests out of about 100."""


class Load:
    """Clients, each with a user of its own."""

    def __init__(self, running: RunningApp, provider: FaultyProvider, seed: int) -> None:
        self.running, self.provider, self.seed = running, provider, seed
        self.forms, self.statuses = Forms(running), Counter[int]()
        self._lock = threading.Lock()

    def run(self, requests: int) -> None:
        """Send about this number of requests."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            for client in [pool.submit(self._client, number, requests // CLIENTS) for number in range(CLIENTS)]:
                client.result()
        self.seed += 1

    def _client(self, number: int, requests: int) -> None:
        dice, client = random.Random(f"{self.seed} {number}"), RawClient(self.running.server.port)
        statuses, cookie = Counter[int](), self._new_session()
        for count, name in enumerate(dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=requests)):
            if count % REQUESTS_PER_CONNECTION == 0:
                client.close()
            if name == "sign-in":
                cookie = sign_in(self.running, self.provider, f"user-{number}-{dice.randrange(100)}") or ""
                statuses[302 if cookie else 599] += 1
            else:
                statuses[self._send(client, name, cookie)] += 1
            if name == "sign-out":
                cookie = self._new_session()
        client.close()
        with self._lock:
            self.statuses += statuses

    def _new_session(self) -> str:
        with self._lock:
            return self.running.sign_in()[1]

    def _send(self, client: RawClient, name: str, cookie: str) -> int:
        pair = f"{COOKIE}={cookie}; {self.forms.pair}"
        headers = [("Cookie", pair.encode()), ("X-Forwarded-For", address().encode())]
        if name in PAGES:
            return client.send("GET", name.encode(), headers).status
        fields = {"csrfToken": self.forms.token}
        if name == "update":
            body = json.dumps({**fields, "data": {"theme": "dark"}}).encode()
            return client.send(
                "POST", b"/api/auth/session", [*headers, ("Content-Type", b"application/json")], body
            ).status
        path = {
            "rename": "/account/name",
            "end-others": "/account/sessions/end-others",
            "start": "/api/auth/signin/oidc",
            "sign-out": "/api/auth/signout",
        }[name]
        body = urlencode({**fields, "name": "A new name", "callbackUrl": "/dashboard"}).encode()
        headers.append(("Content-Type", b"application/x-www-form-urlencoded"))
        return client.send("POST", path.encode(), headers, body).status


def measure(options: Options) -> Iterator[Row]:
    """Yield one row for each database."""
    warm_up = min(WARM_UP, options.requests)
    for database in DATABASES:
        with application_with_provider(database) as (running, provider):
            load = Load(running, provider, options.seed)
            load.run(warm_up)
            before = {pid: memory(pid) for pid in pids(running)}
            load.run(options.requests)
            after = {pid: memory(pid) for pid in pids(running)}
        assert before.keys() == after.keys(), "a worker has ended"
        growth = [after[pid] - before[pid] for pid in before]
        errors = sum(count for status, count in load.statuses.items() if status >= 500)
        yield Row(
            "soak",
            database,
            f"{load.statuses.total():,} requests, the first {warm_up:,} as warm-up",
            f"5xx: {errors}. Without a response: {load.statuses[0]}. Memory of a worker: at most {max(before.values()):.0f} "
            f"MiB after the warm-up, {max(after.values()):.0f} MiB at the end, growth {min(growth):+.1f} to {max(growth):+.1f} MiB",
        )


def memory(pid: int) -> float:
    """Return the RSS of a process in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
