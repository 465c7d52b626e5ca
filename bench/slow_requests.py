"""Latency for other users while eight callbacks wait for a provider and while clients send slowly."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from typing import NamedTuple

import requests

from bench.application import CLAIMS
from bench.contenders import Contender
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import ServerClient

CALLBACKS = 8
PROBE_INTERVAL = 0.05
"""Seconds between the starts of two probes."""
PROBING = 7.0
"""Seconds. Together with the preparation it is shorter than a callback waits."""
SETTLING = 0.5
"""Seconds for the slow clients to connect."""
GIVE_UP = 8.0
"""Seconds. A probe without a response in this time has failed."""
LIMIT = 12.0
"""Seconds. A callback that takes longer is late. Its requests time out after 10 seconds."""


class SlowClients(NamedTuple):
    """Slow clients: `size` connections that send `first`, then `more` each second, and reconnect when they are closed."""

    description: str
    size: int
    first: bytes
    more: bytes


_HOST = b"Host: 127.0.0.1\r\n"
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n"

_HEADERS = SlowClients(
    "200 clients send headers slowly", 200, b"GET /api/auth/session HTTP/1.1\r\n" + _HOST + b"X-Slow: ", b"y"
)
_FORMS = SlowClients(
    "200 clients send a form slowly", 200, b"POST /api/auth/signin/oidc HTTP/1.1\r\n" + _HOST + _FORM, b"y"
)
_KEPT_OPEN = SlowClients(
    "10 clients request Connection: close and do not close",
    10,
    b"GET /health/live HTTP/1.1\r\n" + _HOST + b"Connection: close\r\n\r\n",
    b"",
)
SLOW_CLIENTS = ((), (_HEADERS,), (_FORMS,), (_HEADERS, _FORMS), (_KEPT_OPEN,))
"""Clients that do not close read once a second: the response, and a second later the end of the connection."""


@dataclass(frozen=True)
class Probes:
    """Sorted milliseconds of all probes, failed ones included, and the number of probes without the right session."""

    times: list[float]
    failures: int

    def quantile(self, part: float) -> float:
        """Return the quantile in milliseconds."""
        return self.times[min(len(self.times) - 1, int(len(self.times) * part))]


@dataclass(frozen=True)
class Callback:
    """Result of a callback: its seconds, and whether it led to the error page."""

    seconds: float
    has_error_page: bool

    @property
    def in_time(self) -> bool:
        """Return True if the callback led to the error page within LIMIT."""
        return self.has_error_page and self.seconds <= LIMIT


def hang(
    server: Contender, provider: FaultyProvider, slow_clients: Sequence[SlowClients] = ()
) -> tuple[Probes, list[Callback]]:
    """Send eight callbacks whose provider does not respond, and probe the session route meanwhile."""
    clients = [ServerClient(server.origin) for _ in range(CALLBACKS)]
    urls = [provider.authorize(client.start()) for client in clients]
    all_hang = provider.count("/token") + CALLBACKS
    with ThreadPoolExecutor(CALLBACKS) as threads:
        waiting = [threads.submit(_follow_callback, *pair) for pair in zip(clients, urls, strict=True)]
        _wait_until(lambda: provider.count("/token") == all_hang)
        with ExitStack() as connections:
            for clients_alike in slow_clients:
                connections.enter_context(connected(server.port, clients_alike))
            probes = probe(server)
            ends = [end.result() for end in waiting]
    pages = [_has_error_page(client, response) for client, (_, response) in zip(clients, ends, strict=True)]
    return probes, [Callback(seconds, was) for (seconds, _), was in zip(ends, pages, strict=True)]


def probe(server: Contender, seconds: float = PROBING) -> Probes:
    """Request the session on a new connection, twenty times a second."""
    count = int(seconds / PROBE_INTERVAL)
    start = time.monotonic()
    with ThreadPoolExecutor(count) as threads:
        probes = []
        for number in range(count):
            time.sleep(max(0.0, start + number * PROBE_INTERVAL - time.monotonic()))
            probes.append(threads.submit(_probe, server))
        responses = [response.result() for response in probes]
    return Probes(sorted(took for took, _ in responses), sum(not right for _, right in responses))


def _probe(server: Contender) -> tuple[float, bool]:
    started = time.monotonic()
    right = reads_session(server, server.cookies.default)
    return (time.monotonic() - started) * 1000, right


def reads_session(server: Contender, cookie: str) -> bool:
    """Return True if the server responds with the session of the cookie within GIVE_UP seconds."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=GIVE_UP)
    try:
        connection.request("GET", "/api/auth/session", headers={"Cookie": cookie})
        response = connection.getresponse()
        session = json.loads(response.read())
        return response.status == 200 and session is not None and session["user"]["email"] == CLAIMS["email"]
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()


def _follow_callback(client: ServerClient, url: str) -> tuple[float, requests.Response | None]:
    started = time.monotonic()
    try:
        response = client.ask("GET", url)
    except requests.RequestException:
        return time.monotonic() - started, None
    return time.monotonic() - started, response


def _has_error_page(client: ServerClient, response: requests.Response | None) -> bool:
    """Return True if a callback redirected to the error page for a provider that does not respond."""
    if response is None or not response.headers.get("Location", "").startswith(f"{client.origin}/api/auth/"):
        return False
    page = client.ask("GET", response.headers["Location"])
    return page.status_code == 503 and "Retry-After" in page.headers and "/api/auth/signin" in page.text


@contextmanager
def connected(port: int, slow_clients: SlowClients) -> Iterator[None]:
    """Keep the slow clients connected, from half a second before the block to its end."""
    ended = Event()
    thread = Thread(target=_keep, args=(port, slow_clients, ended))
    thread.start()
    try:
        time.sleep(SETTLING)
        yield
    finally:
        ended.set()
        thread.join()


def _keep(port: int, slow_clients: SlowClients, ended: Event) -> None:
    connections: list[socket.socket] = []
    while not ended.wait(1.0 if connections else 0.0):
        connections = [connection for connection in connections if _continue(connection, slow_clients.more)]
        with suppress(OSError):
            while len(connections) < slow_clients.size:
                connections.append(_connect(port, slow_clients.first))
    for connection in connections:
        connection.close()


def _connect(port: int, first: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=1)
    connection.sendall(first)
    connection.setblocking(False)
    return connection


def _continue(connection: socket.socket, more: bytes) -> bool:
    """Send `more`. Return False and close the connection if the server has closed it."""
    try:
        connection.send(more)
        if connection.recv(65536):
            return True
    except BlockingIOError:
        return True
    except OSError:
        pass
    connection.close()
    return False


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 3
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
