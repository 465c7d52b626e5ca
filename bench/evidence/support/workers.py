"""Requests to a chosen worker: each worker keeps the connections that it has accepted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from genkan.session.revocation_list import MAX_LAG
from tests.revocation.running_app import COOKIE, WORKERS, RunningApp

CONNECTIONS_AT_ONCE = 16
CONNECT_TIMEOUT = 30.0
ACCEPT_SECONDS = 0.05


class Workers:
    """One open connection to each worker."""

    def __init__(self, connections: Sequence[HTTPConnection]) -> None:
        self._connections = connections
        self.requests = 0

    def users(self, cookie: str) -> list[dict[str, Any] | None]:
        """Return the user of the session as each worker reads it, None if the worker refuses the session."""
        return [self._user(connection, cookie) for connection in self._connections]

    def accepting(self, cookie: str) -> int:
        """Return the number of workers that accept the session."""
        return sum(user is not None for user in self.users(cookie))

    def _user(self, connection: HTTPConnection, cookie: str) -> dict[str, Any] | None:
        self.requests += 1
        connection.request("GET", "/api/auth/session", headers={"Cookie": f"{COOKIE}={cookie}"})
        response = connection.getresponse()
        session = json.loads(response.read())
        assert response.status == 200, f"{response.status} for a session"
        return dict(session["user"]) if session else None


@contextmanager
def every_worker(running: RunningApp) -> Iterator[Workers]:
    """Open a connection to every worker. Waits until all workers run."""
    connections = _connect(running)
    try:
        yield Workers(list(connections.values()))
    finally:
        for connection in connections.values():
            connection.close()


@contextmanager
def every_worker_after_lag(running: RunningApp, since: float) -> Iterator[Workers]:
    """Do the same, but not before MAX_LAG seconds have passed since that monotonic time."""
    with every_worker(running) as workers:
        time.sleep(max(0.0, since + MAX_LAG - time.monotonic()))
        yield workers


def pids(running: RunningApp) -> list[int]:
    """Return the process ids of the workers. Empty if the server has ended."""
    parent = running.server.process.pid
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def _connect(running: RunningApp) -> dict[int, HTTPConnection]:
    port, deadline = running.server.port, time.monotonic() + CONNECT_TIMEOUT
    found: dict[int, HTTPConnection] = {}
    while len(found) < WORKERS:
        assert time.monotonic() < deadline, f"only {len(found)} workers accept connections"
        opened = [HTTPConnection("127.0.0.1", port, timeout=20) for _ in range(CONNECTIONS_AT_ONCE)]
        for connection in opened:
            connection.connect()
        time.sleep(ACCEPT_SECONDS)
        owners = _owners(port, pids(running))
        for connection in opened:
            pid = owners.get(connection.sock.getsockname()[1])
            if pid is None or pid in found:
                connection.close()
            else:
                found[pid] = connection
    return found


def _owners(port: int, pids: Sequence[int]) -> dict[int, int]:
    """Return the process that has accepted the connection, for each port of a client."""
    clients = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote, inode = fields[1], fields[2], fields[9]
        if int(local.rpartition(":")[2], 16) == port:
            clients[f"socket:[{inode}]"] = int(remote.rpartition(":")[2], 16)
    return {clients[target]: pid for pid in pids for target in _descriptors(pid) if target in clients}


def _descriptors(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            yield str(link.readlink())
        except FileNotFoundError:
            continue
