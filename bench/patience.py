"""What others notice while eight callbacks hang on a provider, and while clients dribble their headers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from typing import NamedTuple

import requests

from bench.application import PERSON
from bench.contenders import Contender
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import Visitor

CALLBACKS = 8
EVERY = 0.05
"""Seconds between two probes, whatever became of the first."""
PROBING = 7.0
"""Seconds; with all that comes before it, less than a callback hangs."""
SETTLING = 0.5
"""Seconds that the slow clients have to connect."""
GIVE_UP = 8.0
"""Seconds after which a probe has failed."""
LIMIT = 12.0
"""Seconds after which a callback is late: its calls are over in 10, the rest is a busy machine."""


class Crowd(NamedTuple):
    """So many connections that begin with this, go on with that each second, and come again when they are dropped."""

    what: str
    size: int
    first: bytes
    more: bytes


_HOST = b"Host: 127.0.0.1\r\n"
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n"

CROWDS = (
    Crowd("200 dribble headers", 200, b"GET /api/auth/session HTTP/1.1\r\n" + _HOST + b"X-Slow: ", b"y"),
    Crowd("200 dribble a form", 200, b"POST /api/auth/signin/oidc HTTP/1.1\r\n" + _HOST + _FORM, b"y"),
    Crowd(
        "10 ask to close and do not", 10, b"GET /health/live HTTP/1.1\r\n" + _HOST + b"Connection: close\r\n\r\n", b""
    ),
)
"""Those who do not close look once a second: at the answer, and a second later at its end."""


@dataclass(frozen=True)
class Probes:
    """Milliseconds of every probe, failed ones included, sorted; and how many did not get the right session."""

    times: list[float]
    failures: int

    def quantile(self, part: float) -> float:
        """Milliseconds below which that part of them is."""
        return self.times[min(len(self.times) - 1, int(len(self.times) * part))]


@dataclass(frozen=True)
class Callback:
    """How one callback ended: after how many seconds, and whether in time with our page."""

    seconds: float
    told: bool

    @property
    def in_time(self) -> bool:
        """As it should."""
        return self.told and self.seconds <= LIMIT


def hang(server: Contender, provider: FaultyProvider, crowd: Crowd | None = None) -> tuple[Probes, list[Callback]]:
    """Eight visitors come back to a provider that is silent; meanwhile somebody else asks for their session."""
    visitors = [Visitor(server.origin) for _ in range(CALLBACKS)]
    backs = [provider.authorize(visitor.start()) for visitor in visitors]
    all_hang = provider.count("/token") + CALLBACKS
    with ThreadPoolExecutor(CALLBACKS) as threads:
        waiting = [threads.submit(_come_back, *pair) for pair in zip(visitors, backs, strict=True)]
        _wait_until(lambda: provider.count("/token") == all_hang)
        with present(server.port, crowd) if crowd else nullcontext():
            probes = probe(server)
            ends = [end.result() for end in waiting]
    told = [_is_told(visitor, answer) for visitor, (_, answer) in zip(visitors, ends, strict=True)]
    return probes, [Callback(seconds, was) for (seconds, _), was in zip(ends, told, strict=True)]


def probe(server: Contender, seconds: float = PROBING) -> Probes:
    """Asks for the session on a fresh connection, twenty times a second."""
    count = int(seconds / EVERY)
    start = time.monotonic()
    with ThreadPoolExecutor(count) as threads:
        asked = []
        for number in range(count):
            time.sleep(max(0.0, start + number * EVERY - time.monotonic()))
            asked.append(threads.submit(_probe, server))
        answers = [answer.result() for answer in asked]
    return Probes(sorted(took for took, _ in answers), sum(not right for _, right in answers))


def _probe(server: Contender) -> tuple[float, bool]:
    started = time.monotonic()
    right = is_known(server, server.cookies.usual)
    return (time.monotonic() - started) * 1000, right


def is_known(server: Contender, cookie: str) -> bool:
    """Whether that cookie is answered with its session, within GIVE_UP seconds."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=GIVE_UP)
    try:
        connection.request("GET", "/api/auth/session", headers={"Cookie": cookie})
        answer = connection.getresponse()
        session = json.loads(answer.read())
        return answer.status == 200 and session is not None and session["user"]["email"] == PERSON["email"]
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()


def _come_back(visitor: Visitor, back: str) -> tuple[float, requests.Response | None]:
    started = time.monotonic()
    try:
        answer = visitor.ask("GET", back)
    except requests.RequestException:
        return time.monotonic() - started, None
    return time.monotonic() - started, answer


def _is_told(visitor: Visitor, answer: requests.Response | None) -> bool:
    """Whether a callback led to our page for a provider that does not answer."""
    if answer is None or not answer.headers.get("Location", "").startswith(f"{visitor.origin}/api/auth/"):
        return False
    page = visitor.ask("GET", answer.headers["Location"])
    return page.status_code == 503 and "Retry-After" in page.headers and "/api/auth/signin" in page.text


@contextmanager
def present(port: int, crowd: Crowd) -> Iterator[None]:
    """The crowd is there, from half a second before to the end of the block."""
    ended = Event()
    thread = Thread(target=_keep, args=(port, crowd, ended))
    thread.start()
    try:
        time.sleep(SETTLING)
        yield
    finally:
        ended.set()
        thread.join()


def _keep(port: int, crowd: Crowd, ended: Event) -> None:
    lines: list[socket.socket] = []
    while not ended.wait(1.0 if lines else 0.0):
        lines = [line for line in lines if _goes_on(line, crowd.more)]
        with suppress(OSError):
            while len(lines) < crowd.size:
                lines.append(_begin(port, crowd.first))
    for line in lines:
        line.close()


def _begin(port: int, first: bytes) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=1)
    line.sendall(first)
    line.setblocking(False)
    return line


def _goes_on(line: socket.socket, more: bytes) -> bool:
    """False, and closed, when the other side has ended it."""
    try:
        line.send(more)
        if line.recv(65536):
            return True
    except BlockingIOError:
        return True
    except OSError:
        pass
    line.close()
    return False


def _wait_until(holds: Callable[[], bool]) -> None:
    latest = time.monotonic() + 3
    while not holds() and time.monotonic() < latest:
        time.sleep(0.01)
