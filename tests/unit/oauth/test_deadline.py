"""One time limit over several calls: it only shrinks, it ends with its block, and it is nobody else's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from time import monotonic

import pytest
import requests

from genkan.oauth.transport import deadline as room
from genkan.oauth.transport.adapters import ConnectionFailed, Limits, mount_adapters
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from genkan.oauth.transport.deadline import deadline, remaining
from tests.clock import FrozenClock
from tests.servers.sockets import Behaviour, Connection, respond_with, serving

BUDGET = 0.3
LONG = 60.0
"""Seconds that a call may take by itself in these tests: nothing but the budget ends one."""

PROMPTLY = 2.0


@pytest.fixture(name="frozen")
def _frozen(clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    monkeypatch.setattr(room, "monotonic", clock)
    return clock


@pytest.fixture(name="session")
def _session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        mount_adapters(session, limits=Limits(LONG, LONG), bulkhead=ConcurrencyLimit(per_host=1, patience=LONG))
        yield session


def drip(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    connection.drip(itertools.repeat(ord("a")))


def test_time_runs_from_the_beginning_of_the_block_to_its_end(frozen: FrozenClock) -> None:
    assert remaining() == inf
    with deadline(10):
        frozen.advance(4)
        assert remaining() == 6
        frozen.advance(7)
        assert remaining() == -1
    assert remaining() == inf


@pytest.mark.usefixtures("frozen")
def test_a_block_within_a_block_may_be_shorter_and_never_longer() -> None:
    with deadline(10):
        with deadline(3):
            assert remaining() == 3
        with deadline(99):
            assert remaining() == 10
        assert remaining() == 10


@pytest.mark.usefixtures("frozen")
def test_a_block_that_ends_in_an_error_ends() -> None:
    with pytest.raises(ZeroDivisionError), deadline(1):
        _ = 1 / 0
    assert remaining() == inf


def test_every_thread_has_its_own(frozen: FrozenClock) -> None:
    def elsewhere() -> tuple[float, float]:
        outside = remaining()
        with deadline(5):
            return outside, remaining()

    with ThreadPoolExecutor(1) as another, deadline(10):
        frozen.advance(10)
        assert another.submit(elsewhere).result(PROMPTLY) == (inf, 5)
        assert remaining() == 0


@pytest.mark.parametrize("behaviour", [Connection.hang, drip])
def test_all_calls_in_a_block_end_with_it(session: requests.Session, behaviour: Behaviour) -> None:
    with serving(respond_with(b"{}")) as honest, serving(behaviour) as slow, deadline(BUDGET):
        start = monotonic()
        assert session.get(honest.url).json() == {}
        with pytest.raises(ConnectionFailed):
            session.get(slow.url)
        assert BUDGET * 0.9 < monotonic() - start < PROMPTLY


def test_nothing_is_sent_when_the_time_is_up(session: requests.Session) -> None:
    with serving(respond_with(b"{}")) as host:
        with deadline(0), pytest.raises(ConnectionFailed):
            session.post(host.url, data={"code": "c"})
        assert session.get(host.url).json() == {}

    assert [connection.request[:4] for connection in host.connections] == [b"GET "]


def test_waiting_for_a_place_is_waiting_too() -> None:
    bulkhead = ConcurrencyLimit(per_host=1, patience=LONG)
    with serving(respond_with(b"{}")) as host, requests.Session() as session:
        mount_adapters(session, limits=Limits(LONG, LONG), bulkhead=bulkhead)
        assert bulkhead.acquire(host.url.removeprefix("http://"))
        start = monotonic()
        with deadline(BUDGET), pytest.raises(ConnectionFailed, match="too many"):
            session.get(host.url)

    assert monotonic() - start < PROMPTLY
    assert host.connections == []


def test_a_call_without_a_block_has_its_own_limit_even_while_it_waits_for_a_place() -> None:
    bulkhead = ConcurrencyLimit(per_host=1, patience=LONG)
    assert bulkhead.acquire("accounts.example")
    with requests.Session() as session:
        mount_adapters(session, limits=Limits(BUDGET, BUDGET), bulkhead=bulkhead)
        start = monotonic()
        with pytest.raises(ConnectionFailed, match="too many"):
            session.get("https://accounts.example")

    assert monotonic() - start < PROMPTLY
