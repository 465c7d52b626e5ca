"""Deadline for several calls: a nested block can only shorten it, and each thread has its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from time import monotonic

import pytest
import requests

from genkan.oauth.transport import deadline as deadline_module
from genkan.oauth.transport.adapters import mount_adapters
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from genkan.oauth.transport.deadline import deadline, remaining
from genkan.oauth.transport.limits import ConnectionFailed, Limits
from tests.clock import FrozenClock
from tests.servers.sockets import Behaviour, Connection, respond_with, serving

pytestmark = pytest.mark.xdist_group("timing")

DEADLINE = 0.3
LONG = 60.0
"""Seconds. Limit of a single call, so long that only the deadline ends a call."""

PROMPT = 20.0
"""Seconds. Far below LONG, far above DEADLINE on a busy machine."""


@pytest.fixture(name="frozen")
def _frozen(clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    monkeypatch.setattr(deadline_module, "monotonic", clock)
    return clock


@pytest.fixture(name="session")
def _session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        mount_adapters(session, limits=Limits(LONG, LONG), concurrency=ConcurrencyLimit(per_host=1, timeout=LONG))
        yield session


def drip(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    connection.drip(itertools.repeat(ord("a")))


def test_the_deadline_applies_inside_its_block(frozen: FrozenClock) -> None:
    assert remaining() == inf
    with deadline(10):
        frozen.advance(4)
        assert remaining() == 6
        frozen.advance(7)
        assert remaining() == -1
    assert remaining() == inf


@pytest.mark.usefixtures("frozen")
def test_a_nested_deadline_can_be_earlier_but_not_later() -> None:
    with deadline(10):
        with deadline(3):
            assert remaining() == 3
        with deadline(99):
            assert remaining() == 10
        assert remaining() == 10


@pytest.mark.usefixtures("frozen")
def test_the_deadline_ends_when_its_block_raises() -> None:
    with pytest.raises(ZeroDivisionError), deadline(1):
        _ = 1 / 0
    assert remaining() == inf


def test_every_thread_has_its_own_deadline(frozen: FrozenClock) -> None:
    def in_another_thread() -> tuple[float, float]:
        outside = remaining()
        with deadline(5):
            return outside, remaining()

    with ThreadPoolExecutor(1) as pool, deadline(10):
        frozen.advance(10)
        assert pool.submit(in_another_thread).result(PROMPT) == (inf, 5)
        assert remaining() == 0


@pytest.mark.parametrize("behaviour", [Connection.hang, drip])
def test_the_deadline_ends_a_slow_call(session: requests.Session, behaviour: Behaviour) -> None:
    with serving(respond_with(b"{}")) as quick, serving(behaviour) as slow, deadline(DEADLINE):
        start = monotonic()
        assert session.get(quick.url).json() == {}
        with pytest.raises(ConnectionFailed):
            session.get(slow.url)
        assert DEADLINE * 0.9 < monotonic() - start < PROMPT


def test_nothing_is_sent_after_the_deadline(session: requests.Session) -> None:
    with serving(respond_with(b"{}")) as host:
        with deadline(0), pytest.raises(ConnectionFailed):
            session.post(host.url, data={"code": "c"})
        assert session.get(host.url).json() == {}

    assert [connection.request[:4] for connection in host.connections] == [b"GET "]


def test_waiting_for_the_concurrency_limit_ends_at_the_deadline() -> None:
    limit = ConcurrencyLimit(per_host=1, timeout=LONG)
    with serving(respond_with(b"{}")) as host, requests.Session() as session:
        mount_adapters(session, limits=Limits(LONG, LONG), concurrency=limit)
        assert limit.acquire(host.url.removeprefix("http://"))
        start = monotonic()
        with deadline(DEADLINE), pytest.raises(ConnectionFailed, match="too many"):
            session.get(host.url)

    assert monotonic() - start < PROMPT
    assert host.connections == []


def test_without_a_deadline_waiting_for_the_concurrency_limit_has_the_limit_of_a_call() -> None:
    limit = ConcurrencyLimit(per_host=1, timeout=LONG)
    assert limit.acquire("accounts.example")
    with requests.Session() as session:
        mount_adapters(session, limits=Limits(DEADLINE, DEADLINE), concurrency=limit)
        start = monotonic()
        with pytest.raises(ConnectionFailed, match="too many"):
            session.get("https://accounts.example")

    assert monotonic() - start < PROMPT
