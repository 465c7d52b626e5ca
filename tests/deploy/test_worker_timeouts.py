"""The whole application under its production server: nobody who sends half of something large holds others up (D5)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.servers.server import environment, serving

pytestmark = pytest.mark.xdist_group("timing")

WITHIN = 1.0
"""Seconds that anybody waits at most, whatever other clients do."""

CROWD = 70
"""More than the two workers have threads."""

FIELD = b"x" * 32_000

HALF = {
    "a head that has grown too long": b"GET / HTTP/1.1\r\nHost: a\r\nA: %b\r\nB: %b\r\nC: %b" % (FIELD, FIELD, FIELD[:3000]),
    "a form that is too long": b"POST /api/auth/session HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
    "a page with a long body": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
    "a body that is never needed": b"GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\nabc",
    "a refused page with a body": b"GET /dashboard HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + FIELD,
    "lines without carriage returns": b"GET / HTTP/1.1\nHost: a\n\n",
    "an empty line without carriage returns": b"GET / HTTP/1.1\r\nHost: a\r\nA: b\n\n",
    "chunks after all": b"POST /api/auth/signout HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\na",
}  # fmt: skip


@pytest.fixture(name="port", scope="module")
def _port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(["-m", "deploy.serve"], environment(tmp_path_factory.mktemp("house"))) as server:
        yield server.port


def opened(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=WITHIN)


def heard(client: socket.socket) -> str:
    """All that is said until the other side ends; TimeoutError when it is silent for longer than WITHIN."""
    return b"".join(iter(lambda: client.recv(65536), b"")).decode("latin-1")


def status(port: int) -> int:
    """What somebody gets who asks for a page meanwhile."""
    with opened(port) as client:
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return int(heard(client).split(" ", 2)[1])


@pytest.mark.parametrize("half", HALF.values(), ids=HALF)
def test_a_crowd_that_stops_half_way_holds_nobody_up(port: int, half: bytes) -> None:
    with ExitStack() as clients:
        for _ in range(CROWD):
            clients.enter_context(opened(port)).sendall(half)
        assert [status(port) for _ in range(10)] == [200] * 10


@pytest.mark.parametrize(
    ("half", "refusal"), [("a head that has grown too long", 431), ("a form that is too long", 413)]
)
def test_each_of_a_crowd_is_told_what_is_too_long(port: int, half: str, refusal: int) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(opened(port)) for _ in range(CROWD)]
        for client in clients:
            client.sendall(HALF[half])
        assert [heard(client).split(" ", 2)[1] for client in clients] == [str(refusal)] * CROWD


def test_a_head_of_many_fields_is_read_as_long_as_it_is_no_longer_than_64_kib(port: int) -> None:
    with opened(port) as client:
        client.sendall(
            b"GET /about HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA: %b\r\nB: %b\r\n\r\n" % (FIELD, FIELD)
        )
        assert heard(client).startswith("HTTP/1.1 200 ")
