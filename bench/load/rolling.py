"""Restarts of two instances behind nginx, one after the other, while clients read their sessions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException

from bench import granian
from bench.granian import Server
from bench.load.plan import Plan
from bench.load.proxy import proxy
from bench.load.stores import Services, Store
from bench.served import free_port
from genkan.settings.environment import ROOT

CLIENTS = 8
"""Half of them keep their connections."""
PAUSE = 0.005
"""Seconds between a response and the next request of a client."""
BETWEEN = 1.0
"""Seconds between the start of an instance and the end of the other."""
TIMEOUT = 20


class Clients:
    """Clients that read the session of the next cookie until they are stopped. Exact only after that."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.requests = self.failed = self.signed_out = 0

    def stop(self) -> None:
        """Let the clients end."""
        self._stopped.set()

    def run(self, number: int) -> None:
        """Send requests one after the other."""
        connection = HTTPConnection("127.0.0.1", self._store.port, timeout=TIMEOUT)
        turn = number
        while not self._stopped.wait(PAUSE):
            cookie = self._store.cookies[turn % len(self._store.cookies)]
            turn += CLIENTS
            failed, signed_out = _read(connection, cookie)
            with self._lock:
                self.requests += 1
                self.failed += failed
                self.signed_out += signed_out
            if failed or number % 2:
                connection.close()
        connection.close()


def _read(connection: HTTPConnection, cookie: str) -> tuple[bool, bool]:
    """Return whether the request failed, and whether the response had no session."""
    try:
        connection.request("GET", "/api/auth/session", headers={"Cookie": cookie})
        response = connection.getresponse()
        body = response.read()
        return response.status != 200, response.status == 200 and json.loads(body) is None
    except (OSError, HTTPException, ValueError):
        return True, False


def rolling(services: Services, plan: Plan) -> Iterator[str]:
    """Yield a table with one row for each database."""
    yield "\n### Rolling restarts of two instances behind nginx, under load (nothing lost)\n"
    yield "| database | restarts | seconds | requests | failed | without the session |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind in plan.databases:
        with services.store(kind) as store:
            yield _rolling(store, kind, plan.restarts)


def _rolling(store: Store, kind: str, restarts: int) -> str:
    ports = [free_port(), free_port()]
    with ExitStack() as stack:
        servers = {port: _start(store, port) for port in ports}
        stack.callback(_stop_all, servers)
        for server in servers.values():
            granian.wait_until_up(server, "/health/live")
        stack.enter_context(proxy(store.port, ports))
        clients, started = Clients(store), time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as pool:
            futures = [pool.submit(clients.run, number) for number in range(CLIENTS)]
            try:
                for _ in range(restarts):
                    for port in ports:
                        time.sleep(BETWEEN)
                        granian.stop(servers[port])
                        servers[port] = _start(store, port)
                        granian.wait_until_up(servers[port], "/health/live")
                time.sleep(BETWEEN)
            finally:
                clients.stop()
            for future in futures:
                future.result()
        took = time.monotonic() - started
    return f"| {kind} | {restarts * len(ports)} | {took:.0f} | {clients.requests:,} | {clients.failed} | {clients.signed_out} |"


def _stop_all(servers: Mapping[int, Server]) -> None:
    for server in servers.values():
        granian.stop(server)


def _start(store: Store, port: int) -> Server:
    environment = {**store.environment, "PORT": str(port), "TRUSTED_PROXY_HOPS": "1"}
    command = granian.command("app:create_app", port, workers=1)
    return granian.start("granian", command, port, environment, folder=ROOT)
