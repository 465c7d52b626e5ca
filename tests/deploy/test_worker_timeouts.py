"""The application under Gunicorn: incomplete large requests do not delay other clients."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.servers.server import environment, serving

pytestmark = pytest.mark.xdist_group("timing")


MAX_WAIT = 5.0
"""Seconds. Longest wait of a client, whatever other clients do. A busy machine takes more than one, and a worker that waited
for the others would take ten for an incomplete request, or two for each of the seventy that linger."""

CLIENTS = 70
"""More than the threads of both workers."""

FIELD = b"x" * 32_000

INCOMPLETE = {
    "headers that are too long": b"GET / HTTP/1.1\r\nHost: a\r\nA: %b\r\nB: %b\r\nC: %b" % (FIELD, FIELD, FIELD[:3000]),
    "a form that is too long": b"POST /api/auth/session HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
    "a page with a long body": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
    "a body that is never needed": b"GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\nabc",
    "a refused page with a body": b"GET /dashboard HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + FIELD,
    "lines without carriage returns": b"GET / HTTP/1.1\nHost: a\n\n",
    "an empty line without carriage returns": b"GET / HTTP/1.1\r\nHost: a\r\nA: b\n\n",
    "chunks after another coding": b"POST /api/auth/signout HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\na",
}  # fmt: skip


@pytest.fixture(name="port", scope="module")
def _port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(["-m", "deploy.serve"], environment(tmp_path_factory.mktemp("app"))) as server:
        yield server.port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=MAX_WAIT)


def read(client: socket.socket) -> str:
    """Read until the server closes the connection. Raises TimeoutError if it pauses for longer than MAX_WAIT."""
    return b"".join(iter(lambda: client.recv(65536), b"")).decode("latin-1")


def status(port: int) -> int:
    """Return the status of a request by another client."""
    with connect(port) as client:
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return int(read(client).split(" ", 2)[1])


@pytest.mark.parametrize("request_start", INCOMPLETE.values(), ids=INCOMPLETE)
def test_many_incomplete_requests_do_not_delay_others(port: int, request_start: bytes) -> None:
    with ExitStack() as clients:
        for _ in range(CLIENTS):
            clients.enter_context(connect(port)).sendall(request_start)
        assert [status(port) for _ in range(10)] == [200] * 10


@pytest.mark.parametrize(("name", "status"), [("headers that are too long", 431), ("a form that is too long", 413)])
def test_each_request_that_is_too_large_gets_its_error(port: int, name: str, status: int) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(CLIENTS)]
        for client in clients:
            client.sendall(INCOMPLETE[name])
        assert [read(client).split(" ", 2)[1] for client in clients] == [str(status)] * CLIENTS


def test_headers_of_64_kib_are_accepted(port: int) -> None:
    with connect(port) as client:
        client.sendall(
            b"GET /about HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA: %b\r\nB: %b\r\n\r\n" % (FIELD, FIELD)
        )
        assert read(client).startswith("HTTP/1.1 200 ")
