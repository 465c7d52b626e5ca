"""granian and gunicorn over sockets, alone and behind nginx: what they parse, refuse and pass on, and slow clients."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.servers import production_app
from tests.servers.caching_proxy import documented_nginx
from tests.servers.process import Process, free_port, wait_for_port
from tests.servers.server import SERVERS

pytestmark = pytest.mark.xdist_group("timing")

MAX_WAIT = 5.0
"""Seconds. Longest wait of a client, whatever other clients do. A busy machine takes more than one."""

CALLBACKS = 8
"""Requests that hang, as callbacks do whose provider does not respond."""


class Ports(NamedTuple):
    """A server's name, its port, the port of the nginx before it, and its folder."""

    name: str
    alone: int
    nginx: int
    folder: Path


@pytest.fixture(name="ports", scope="module", params=SERVERS)
def _ports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    ports = Ports(request.param, free_port(), free_port(), production_app.build(tmp_path_factory.mktemp("app")))
    settings = {"PORT": str(ports.alone), "GENKAN_SERVER": ports.name, "WEB_CONCURRENCY": "1"}
    server = Process(production_app.command(ports.folder, **settings), SERVERS[ports.name])
    server.start()
    try:
        wait_for_port(ports.alone)
        with documented_nginx(ports.nginx, ports.alone):
            yield ports
    finally:
        server.stop()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=MAX_WAIT)


def request(*lines: str, body: bytes = b"", method: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join((method, "Host: app.example.test", "Connection: close", *lines, "", "")).encode() + body


def response_to(port: int, raw: bytes) -> str:
    """Return the whole response. Raises TimeoutError if the server pauses for longer than MAX_WAIT."""
    with connect(port) as client:
        client.sendall(raw)
        return b"".join(iter(lambda: client.recv(65536), b"")).decode("latin-1")


def status(port: int, raw: bytes) -> int:
    return int(response_to(port, raw).split(" ", 2)[1])


def test_the_umask_of_a_worker_makes_files_private(ports: Ports) -> None:
    assert "'mode': '0o77'" in response_to(ports.alone, request())


def test_the_largest_cookies_of_authjs_are_accepted(ports: Ports) -> None:
    for port, size in ((ports.alone, 20_000), (ports.alone, 32_000), (ports.nginx, 32_000)):
        assert f"a={'x' * size}'" in response_to(port, request(f"Cookie: a={'x' * size}"))


def test_a_much_larger_cookie_is_refused(ports: Ports) -> None:
    assert status(ports.alone, request(f"Cookie: a={'x' * 600_000}")) == 431
    assert status(ports.nginx, request(f"Cookie: a={'x' * 64_000}")) == 400


def test_a_cookie_beyond_ascii_empties_the_header_under_granian_only(ports: Ports) -> None:
    """An empty header is what the application recognises. Without cookies there is none."""
    seen = response_to(ports.alone, request("Cookie: city=München; authjs.session-token=abc"))
    assert ("'HTTP_COOKIE': ''" in seen) == (ports.name == "granian")
    assert ("authjs.session-token=abc" in seen) == (ports.name == "gunicorn")
    assert "HTTP_COOKIE" not in response_to(ports.alone, request())


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        ("city=München; authjs.session-token=abc", "authjs.session-token=abc"),
        ("a=1; b=ü; c=2", "a=1; c=2"),
        ("a=1; straße=2", "a=1;"),
        ("a=ü; b=ü; c=1; d=ü; e=2; f=ü", "c=1; e=2;"),
        ("a=1; b=2", "a=1; b=2"),
    ],
)
def test_nginx_removes_cookies_beyond_ascii(ports: Ports, sent: str, passed: str) -> None:
    assert f"'HTTP_COOKIE': '{passed}'" in response_to(ports.nginx, request(f"Cookie: {sent}"))


def test_two_cookie_lines_are_one_behind_nginx(ports: Ports) -> None:
    assert "'HTTP_COOKIE': 'a=1; c=3'" in response_to(ports.nginx, request("Cookie: a=1", "Cookie: b=ü", "Cookie: c=3"))


def test_nginx_caches_static_files_and_nothing_else(ports: Ports) -> None:
    files = [response_to(ports.nginx, request(method="GET /static/app.css?v=1 HTTP/1.1")) for _ in range(2)]
    assert "X-Cache-Status: HIT" in files[1]
    assert "X-Cache-Status" not in response_to(ports.nginx, request())


def test_forwarded_headers_do_not_change_the_client_address(ports: Ports) -> None:
    for name in ("X-Forwarded-For", "X_Forwarded_For", "Forwarded"):
        response = response_to(ports.alone, request(f"{name}: 9.9.9.9", "X-Forwarded-Proto: https"))
        assert "'REMOTE_ADDR': '127.0.0.1'" in response
        assert "'wsgi.url_scheme': 'http'" in response


def test_nginx_replaces_forwarded_headers_and_drops_names_with_underscores(ports: Ports) -> None:
    """WSGI gives X_Forwarded_For the name of X-Forwarded-For. gunicorn drops it, and granian passes on the later one."""
    lines = (
        "X-Forwarded-For: 8.8.8.8",
        "X_Forwarded_For: 9.9.9.9",
        "X-Forwarded-Proto: https",
        "Forwarded: for=9.9.9.9",
    )
    behind = response_to(ports.nginx, request(*lines, "X-Ordinary: kept"))
    assert "9.9.9.9" not in behind
    assert "'HTTP_X_FORWARDED_FOR': '127.0.0.1'" in behind
    assert "'HTTP_X_FORWARDED_PROTO': 'http'" in behind
    assert "'HTTP_X_ORDINARY': 'kept'" in behind

    alone = response_to(ports.alone, request(*lines))
    assert ("'HTTP_X_FORWARDED_FOR': '9.9.9.9'" in alone) == (ports.name == "granian")
    assert ("'HTTP_X_FORWARDED_FOR': '8.8.8.8'" in alone) == (ports.name == "gunicorn")


AMBIGUOUS = [
    ("Content-Length: 4", "Content-Length: 5"),
    ("Content-Length: +4",),
    ("Transfer-Encoding : chunked",),
    ("Transfer-Encoding: xchunked",),
    ("X-Header: a\r\n folded",),
    ("X-Header: a\0b",),
]

BOTH_LENGTHS = [
    ("Content-Length: 4", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: chunked", "Content-Length: 4"),
]

SMUGGLED = b"0\r\n\r\n" + request(method="GET /smuggled HTTP/1.1")


def ambiguous(*lines: str) -> bytes:
    return request(*lines, method="POST / HTTP/1.1", body=SMUGGLED)


@pytest.mark.parametrize("lines", AMBIGUOUS, ids=repr)
def test_an_ambiguous_request_is_refused(ports: Ports, lines: tuple[str, ...]) -> None:
    response = response_to(ports.alone, ambiguous(*lines))
    assert response.startswith(("HTTP/1.1 400 ", "HTTP/1.1 501 "))
    assert response.count("HTTP/1.1 ") == 1


def test_two_hosts_are_refused_by_nginx(ports: Ports) -> None:
    assert status(ports.nginx, request("Host: other.example.test")) == 400


@pytest.mark.parametrize("lines", BOTH_LENGTHS, ids=repr)
def test_a_length_beside_chunks_never_leads_to_a_second_request(ports: Ports, lines: tuple[str, ...]) -> None:
    """granian reads the chunks and ignores the length (RFC 9112 6.3). gunicorn and nginx refuse the request."""
    responses = {port: response_to(port, ambiguous(*lines)) for port in (ports.alone, ports.nginx)}
    assert responses[ports.alone].startswith("HTTP/1.1 200 ") == (ports.name == "granian")
    assert "CONTENT_LENGTH" not in responses[ports.alone].upper().partition("\r\n\r\n")[2] or ports.name == "gunicorn"
    assert responses[ports.nginx].startswith("HTTP/1.1 400 ")
    assert not any("/smuggled" in response for response in responses.values())
    assert [response.count("HTTP/1.1 ") for response in responses.values()] == [1, 1]


def test_a_killed_worker_is_replaced(ports: Ports) -> None:
    old = worker_of(response_to(ports.alone, request()))
    os.kill(old, signal.SIGKILL)
    found = old
    while found == old:
        # granian's worker has the only socket that listens, so connections are refused until the next one has started.
        wait_for_port(ports.alone)
        with suppress(ConnectionError):
            found = worker_of(response_to(ports.alone, request()))
    assert found > 0


def worker_of(response: str) -> int:
    return int(response.partition("'process': '")[2].partition("'")[0])


def test_no_response_contains_a_version(ports: Ports) -> None:
    for port, name in ((ports.alone, ports.name), (ports.nginx, "nginx")):
        responses = [response_to(port, request()), response_to(port, b"nonsense\r\n\r\n")]
        lines = [line.lower() for response in responses for line in response.split("\r\n")]
        assert {line for line in lines if line.startswith("server:")} == {f"server: {name}"}


def test_a_request_in_many_packets_is_read(ports: Ports) -> None:
    with connect(ports.alone) as client:
        for byte in request("Content-Length: 3", method="POST / HTTP/1.1", body=b"abc"):
            client.sendall(bytes([byte]))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("separately", [True, False], ids=["one after the other", "pipelined"])
def test_a_connection_serves_several_requests(ports: Ports, separately: bool) -> None:
    keep_alive = request().replace(b"Connection: close\r\n", b"")
    with connect(ports.alone) as client:
        client.sendall(keep_alive if separately else keep_alive + keep_alive)
        response = client.recv(65536)
        if separately:
            client.sendall(keep_alive)
        while response.count(b"200 OK") < 2:
            response += client.recv(65536)


SLOW_HEADERS = b"GET / HTTP/1.1\r\nX-Header: a"
SLOW_FORM = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\na"


@contextmanager
def slow_clients(ports: Ports, port: int, *starts: bytes) -> Iterator[None]:
    """Keep eight requests hanging, and 200 connections for each of `starts` that send no more than that."""
    held, released = ports.folder / "held", ports.folder / "released"
    held.unlink(missing_ok=True)
    with ExitStack() as clients:
        hanging = [clients.enter_context(connect(port)) for _ in range(CALLBACKS)]
        for client in hanging:
            client.sendall(request(method="GET /held HTTP/1.1"))
        _wait_until(lambda: held.exists() and len(held.read_text().splitlines()) == CALLBACKS)
        for start in starts:
            for _ in range(200):
                clients.enter_context(connect(port)).sendall(start)
        yield
        released.touch()
        assert all(client.recv(65536).startswith(b"HTTP/1.1 200 ") for client in hanging)
        released.unlink()


def _wait_until(holds: Callable[[], bool]) -> None:
    while not holds():
        pass


def test_slow_clients_behind_nginx_delay_no_other_client(ports: Ports) -> None:
    with slow_clients(ports, ports.nginx, SLOW_HEADERS, SLOW_FORM):
        assert [status(ports.nginx, request()) for _ in range(10)] == [200] * 10


def test_slow_headers_delay_no_other_client_of_granian(ports: Ports) -> None:
    """gunicorn gives each of them a thread, as both servers do for a slow body. That is what the proxy is for."""
    if ports.name == "granian":
        with slow_clients(ports, ports.alone, b"", SLOW_HEADERS):
            assert [status(ports.alone, request()) for _ in range(10)] == [200] * 10
