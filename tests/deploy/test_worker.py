"""The production server itself, over sockets: what it reads, what it refuses, and that nobody can hold it up."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.servers import production_app
from tests.servers.process import Process, free_port

pytestmark = pytest.mark.xdist_group("timing")

WITHIN = 1.0
"""Seconds that anybody waits at most, whatever other clients do (D5)."""


@pytest.fixture(name="port", scope="module")
def _port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    house = production_app.build(tmp_path_factory.mktemp("house"))
    server = Process(production_app.command(house, PORT=str(port)), "Booting worker")
    server.start()
    yield port
    server.stop()


def opened(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=WITHIN)


def request(*lines: str, body: bytes = b"", method: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join((method, "Host: app.example.test", "Connection: close", *lines, "", "")).encode() + body


def answer(port: int, raw: bytes) -> str:
    """What the server says within WITHIN seconds of each of its own packets; times out otherwise."""
    with opened(port) as client:
        client.sendall(raw)
        return b"".join(iter(lambda: client.recv(65536), b"")).decode("latin-1")


def status(port: int, raw: bytes) -> int:
    return int(answer(port, raw).split(" ", 2)[1])


def test_what_a_worker_writes_is_for_its_own_account(port: int) -> None:
    assert "'mode': '0o77'" in answer(port, request())


@pytest.mark.parametrize("size", [12_000, 16_000, 20_000, 32_000])
def test_the_largest_cookies_of_authjs_are_read(port: int, size: int) -> None:
    assert f"a={'x' * size}'" in answer(port, request(f"Cookie: a={'x' * size}"))


@pytest.mark.parametrize("size", [48_000, 64_000, 600_000])
def test_a_larger_cookie_is_refused_as_too_large(port: int, size: int) -> None:
    assert status(port, request(f"Cookie: a={'x' * size}")) == 431


def test_a_cookie_of_another_app_in_another_alphabet_hides_nothing(port: int) -> None:
    assert "authjs.session-token=abc" in answer(port, request("Cookie: city=München; authjs.session-token=abc"))


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X_Forwarded_For", "Forwarded"])
def test_nobody_is_believed_about_where_a_request_came_from(port: int, name: str) -> None:
    told = answer(port, request(f"{name}: 9.9.9.9", "X-Forwarded-Proto: https"))
    assert "'REMOTE_ADDR': '127.0.0.1'" in told
    assert "'wsgi.url_scheme': 'http'" in told


def test_a_header_spelled_with_underscores_is_not_mistaken_for_the_proxys(port: int) -> None:
    told = answer(port, request("X-Forwarded-For: 8.8.8.8", "X_Forwarded_For: 9.9.9.9"))
    assert "8.8.8.8" in told
    assert "9.9.9.9" not in told


def test_a_header_that_only_looks_like_the_proxys_does_not_reach_the_app(port: int) -> None:
    """Proxies that set X-Forwarded-For let X_Forwarded_For pass, and in the environment the two have one name."""
    told = answer(port, request("X_Forwarded_For: 9.9.9.9", "X_Forwarded-Proto: https", "X-Ordinary: kept"))
    assert "HTTP_X_ORDINARY" in told
    assert "HTTP_X_FORWARDED" not in told


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
def test_a_request_that_can_be_read_in_two_ways_is_refused(port: int, lines: tuple[str, ...]) -> None:
    smuggled = b"0\r\n\r\n" + request(method="GET /smuggled HTTP/1.1")
    told = answer(port, request(*lines, method="POST / HTTP/1.1", body=smuggled))
    assert told.startswith("HTTP/1.1 400 ")
    assert told.count("HTTP/1.1 ") == 1


def test_a_refusal_repeats_nothing_and_cannot_be_sniffed(port: int) -> None:
    told = answer(port, b"GET /api/auth/callback/x?code=hunter22 HTTP/9.9\r\nHost: a\r\n\r\n")
    assert "hunter22" not in told
    assert {"X-Content-Type-Options: nosniff", "Content-Type: text/plain; charset=utf-8"} <= set(told.split("\r\n"))


def test_no_answer_tells_a_version(port: int) -> None:
    answers = [answer(port, request()), answer(port, b"nonsense\r\n\r\n")]
    banners = [line for told in answers for line in told.split("\r\n") if line.lower().startswith("server:")]
    assert banners == ["Server: gunicorn"]


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET / HTTP/1.1\r\nX-Header: a",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na",
    ],
    ids=["silent", "headers", "body", "chunks"],
)
def test_two_hundred_clients_that_dribble_hold_nobody_up(port: int, beginning: bytes) -> None:
    with ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(opened(port)).sendall(beginning)
        assert [status(port, request()) for _ in range(10)] == [200] * 10


def test_clients_that_never_close_hold_nobody_up(port: int) -> None:
    with ExitStack() as clients:
        for _ in range(20):
            client = clients.enter_context(opened(port))
            client.sendall(request())
            assert client.recv(65536)
        assert [status(port, request()) for _ in range(10)] == [200] * 10


def test_a_request_that_comes_in_pieces_is_put_together(port: int) -> None:
    with opened(port) as client:
        for byte in request("Content-Length: 3", method="POST / HTTP/1.1", body=b"abc"):
            client.sendall(bytes([byte]))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("apart", [True, False], ids=["one after the other", "at once"])
def test_a_connection_serves_several_requests(port: int, apart: bool) -> None:
    kept = request().replace(b"Connection: close\r\n", b"")
    with opened(port) as client:
        client.sendall(kept if apart else kept + kept)
        told = client.recv(65536)
        if apart:
            client.sendall(kept)
        while told.count(b"200 OK") < 2:
            told += client.recv(65536)
