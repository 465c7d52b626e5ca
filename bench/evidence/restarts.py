"""Graceful reloads of the server (SIGHUP) under load."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import requests

from bench.evidence.support.setting import DATABASES, Options, Row, application
from bench.evidence.support.workers import every_worker, pids
from tests.revocation.running_app import COOKIE, WORKERS, RunningApp

RELOADS = 5
RELOAD_TIMEOUT = 60.0
SESSIONS = 20
CLIENTS = 8
"""Concurrent clients. Half of them keep their connections."""


class Load:
    """Clients that read their sessions until they are stopped."""

    def __init__(self, running: RunningApp, cookies: list[str]) -> None:
        self._url, self._cookies = f"{running.origin}/api/auth/session", cookies
        self._stopped = threading.Event()
        self.requests = {True: 0, False: 0}
        self.failed = {True: 0, False: 0}
        """Requests without a response, or with another status than 200, by whether the client keeps its connection."""
        self.lost = 0
        """Responses that did not contain the session."""

    def stop(self) -> None:
        """Let the clients end."""
        self._stopped.set()

    def run(self, number: int) -> None:
        """Send requests one after the other."""
        keeps, client = number % 2 == 0, requests.Session()
        client.trust_env = False
        for cookie in itertools.cycle(self._cookies):
            if self._stopped.is_set():
                return
            headers = {"Cookie": f"{COOKIE}={cookie}", "Connection": "keep-alive" if keeps else "close"}
            self.requests[keeps] += 1
            try:
                response = client.get(self._url, headers=headers, timeout=20)
            except requests.RequestException:
                self.failed[keeps] += 1
                continue
            self.failed[keeps] += response.status_code != 200
            self.lost += response.status_code == 200 and response.json() is None


def measure(options: Options) -> Iterator[Row]:
    """Yield one row for each database."""
    for database in DATABASES:
        with application(database) as running:
            cookies = [running.sign_in()[1] for _ in range(SESSIONS)]
            load = Load(running, cookies)
            with ThreadPoolExecutor(CLIENTS) as pool:
                clients = [pool.submit(load.run, number) for number in range(CLIENTS)]
                for _ in range(RELOADS):
                    _reload(running)
                load.stop()
                for client in clients:
                    client.result()
            with every_worker(running) as workers:
                lost = sum(workers.accepting(cookie) != WORKERS for cookie in cookies)
        yield Row(
            "restarts",
            database,
            f"{RELOADS} reloads, {load.requests[False]:,} requests on new connections, {load.requests[True]:,} on kept ones",
            f"failed requests: {load.failed[False]} and {load.failed[True]}. Responses without the session: {load.lost}. "
            f"Sessions lost of {SESSIONS}: {lost}",
        )


def _reload(running: RunningApp) -> None:
    """Send SIGHUP and wait until every worker has been replaced."""
    old, deadline = set(pids(running)), time.monotonic() + RELOAD_TIMEOUT
    os.kill(running.server.process.pid, signal.SIGHUP)
    while old & set(pids(running)) or len(pids(running)) < WORKERS:
        assert time.monotonic() < deadline, "the old workers have not ended"
        time.sleep(0.1)
    time.sleep(1)
