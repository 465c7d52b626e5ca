"""Responses that are too large."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
import requests

from genkan.oauth.transport.adapters import mount_adapters
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from genkan.oauth.transport.limits import OutboundError, ResponseTooLarge
from genkan.oauth.transport.response import BODY_BYTES, HEAD_BYTES
from tests.servers.sockets import Connection, respond_with, serving


@pytest.fixture(name="session")
def _session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        mount_adapters(session, concurrency=ConcurrencyLimit())
        yield session


def test_a_body_of_one_mebibyte_is_accepted_and_one_more_byte_is_refused(session: requests.Session) -> None:
    with serving(respond_with(b"a" * BODY_BYTES)) as host:
        assert len(session.get(host.url).content) == BODY_BYTES
    with serving(respond_with(b"a" * (BODY_BYTES + 1))) as host, pytest.raises(ResponseTooLarge):
        session.get(host.url)


def test_a_gzip_response_is_decompressed(session: requests.Session) -> None:
    with serving(respond_with(gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip")) as host:
        assert session.get(host.url).json() == {"a": 1}


def test_a_gzip_bomb_is_refused_before_it_is_decompressed(session: requests.Session) -> None:
    bomb = gzip.compress(bytes(64 * BODY_BYTES))
    assert len(bomb) < BODY_BYTES / 8
    with serving(respond_with(bomb, "Content-Encoding: gzip")) as host:
        tracemalloc.start()
        try:
            with pytest.raises(ResponseTooLarge):
                session.get(host.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 8 * BODY_BYTES


def flood(start: bytes, filler: bytes) -> Callable[[Connection], None]:
    def behaviour(connection: Connection) -> None:
        connection.send(start)
        for _ in range(2 * (BODY_BYTES + HEAD_BYTES) // len(filler)):
            connection.send(filler)

    return behaviour


@pytest.mark.parametrize(
    "behaviour",
    [
        flood(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65536),
        flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2000\r\n" + b"a" * 8192 + b"\r\n"),
        flood(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 2048),
    ],
    ids=["no length", "chunks", "empty gzip members"],
)
def test_an_endless_body_is_too_large(session: requests.Session, behaviour: Callable[[Connection], None]) -> None:
    with serving(behaviour) as host, pytest.raises(ResponseTooLarge):
        session.get(host.url)


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"]
)
def test_endless_headers_and_chunk_sizes_are_refused(session: requests.Session, start: bytes) -> None:
    with serving(flood(start, b"a" * 65536)) as host, pytest.raises(OutboundError):
        session.get(host.url)
