"""Gunicorn worker over sockets: request parsing, limits and slow clients."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.servers import production_app
from tests.servers.process import Process, free_port

pytestmark = pytest.mark.xdist_group("timing")


MAX_WAIT = 1.0
"""Seconds. Longest wait of a client, whatever other clients do."""


@pytest.fixture(name="port", scope="module")
def _port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    folder = production_app.build(tmp_path_factory.mktemp("app"))
    server = Process(production_app.command(folder, PORT=str(port)), "Booting worker")
    server.start()
    yield port
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


def test_the_umask_of_a_worker_makes_files_private(port: int) -> None:
    assert "'mode': '0o77'" in response_to(port, request())


@pytest.mark.parametrize("size", [12_000, 16_000, 20_000, 32_000])
def test_the_largest_cookies_of_authjs_are_accepted(port: int, size: int) -> None:
    assert f"a={'x' * size}'" in response_to(port, request(f"Cookie: a={'x' * size}"))


@pytest.mark.parametrize("size", [48_000, 64_000, 600_000])
def test_a_larger_cookie_returns_431(port: int, size: int) -> None:
    assert status(port, request(f"Cookie: a={'x' * size}")) == 431


def test_a_cookie_with_other_letters_does_not_hide_later_cookies(port: int) -> None:
    assert "authjs.session-token=abc" in response_to(port, request("Cookie: city=München; authjs.session-token=abc"))


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X_Forwarded_For", "Forwarded"])
def test_forwarded_headers_do_not_change_the_client_address(port: int, name: str) -> None:
    response = response_to(port, request(f"{name}: 9.9.9.9", "X-Forwarded-Proto: https"))
    assert "'REMOTE_ADDR': '127.0.0.1'" in response
    assert "'wsgi.url_scheme': 'http'" in response


def test_a_header_with_underscores_does_not_replace_a_forwarded_header(port: int) -> None:
    response = response_to(port, request("X-Forwarded-For: 8.8.8.8", "X_Forwarded_For: 9.9.9.9"))
    assert "8.8.8.8" in response
    assert "9.9.9.9" not in response


def test_a_forwarded_header_with_underscores_is_dropped(port: int) -> None:
    """Proxies that set X-Forwarded-For pass X_Forwarded_For on. WSGI gives both the same name."""
    response = response_to(port, request("X_Forwarded_For: 9.9.9.9", "X_Forwarded-Proto: https", "X-Ordinary: kept"))
    assert "HTTP_X_ORDINARY" in response
    assert "HTTP_X_FORWARDED" not in response


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: +4",),
        ("Transfer-Encoding : chunked",),
        ("Host: other.example.test",),
        ("X-Header: a\r\n folded",),
        ("X-Header: a\0b",),
    ],
    ids=repr,
)
def test_an_ambiguous_request_returns_400(port: int, lines: tuple[str, ...]) -> None:
    smuggled = b"0\r\n\r\n" + request(method="GET /smuggled HTTP/1.1")
    response = response_to(port, request(*lines, method="POST / HTTP/1.1", body=smuggled))
    assert response.startswith("HTTP/1.1 400 ")
    assert response.count("HTTP/1.1 ") == 1


def test_an_error_repeats_nothing_and_cannot_be_sniffed(port: int) -> None:
    response = response_to(port, b"GET /api/auth/callback/x?code=hunter22 HTTP/9.9\r\nHost: a\r\n\r\n")
    assert "hunter22" not in response
    assert {"X-Content-Type-Options: nosniff", "Content-Type: text/plain; charset=utf-8"} <= set(response.split("\r\n"))


def test_no_response_contains_a_version(port: int) -> None:
    responses = [response_to(port, request()), response_to(port, b"nonsense\r\n\r\n")]
    banners = [line for response in responses for line in response.split("\r\n") if line.lower().startswith("server:")]
    assert banners == ["Server: gunicorn"]


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GET / HTTP/1.1\r\nX-Header: a",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na",
    ],
    ids=["silent", "headers", "body", "chunks"],
)
def test_two_hundred_slow_clients_do_not_delay_others(port: int, start: bytes) -> None:
    with ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(connect(port)).sendall(start)
        assert [status(port, request()) for _ in range(10)] == [200] * 10


def test_idle_connections_do_not_delay_others(port: int) -> None:
    with ExitStack() as clients:
        for _ in range(20):
            client = clients.enter_context(connect(port))
            client.sendall(request())
            assert client.recv(65536)
        assert [status(port, request()) for _ in range(10)] == [200] * 10


def test_a_request_in_many_packets_is_read(port: int) -> None:
    with connect(port) as client:
        for byte in request("Content-Length: 3", method="POST / HTTP/1.1", body=b"abc"):
            client.sendall(bytes([byte]))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("separately", [True, False], ids=["one after the other", "pipelined"])
def test_a_connection_serves_several_requests(port: int, separately: bool) -> None:
    keep_alive = request().replace(b"Connection: close\r\n", b"")
    with connect(port) as client:
        client.sendall(keep_alive if separately else keep_alive + keep_alive)
        response = client.recv(65536)
        if separately:
            client.sendall(keep_alive)
        while response.count(b"200 OK") < 2:
            response += client.recv(65536)
