"""The door to the network against hosts that misbehave on real sockets."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session

from genkan.oauth.transport.adapters import ConnectionFailed, Limits, UnexpectedRedirect, mount_adapters
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from tests.servers.sockets import Connection, respond_with, serving

DEADLINE = 0.3
PROMPTLY = 2.0
"""Far below any timeout of the misbehaving hosts, far above the deadline on a busy machine."""


def session_with(bulkhead: ConcurrencyLimit | None = None, deadline: float = DEADLINE) -> requests.Session:
    session = requests.Session()
    mount_adapters(session, limits=Limits(deadline, deadline), bulkhead=bulkhead or ConcurrencyLimit())
    return session


@pytest.fixture(name="session")
def _session() -> Iterator[requests.Session]:
    with session_with() as session:
        yield session


def drip_headers(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    connection.drip(itertools.repeat(ord("a")))


def drip_many_headers(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.drip(itertools.cycle(b"A: b\r\n"))


def drip_body(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    connection.drip(itertools.repeat(ord("a")))


def drip_chunks(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.drip(itertools.cycle(b"1\r\na\r\n"))


def drip_continues(connection: Connection) -> None:
    connection.drip(itertools.cycle(b"HTTP/1.1 100 Continue\r\n\r\n"), seconds=0.001)


def test_an_honest_answer_comes_through_whole(session: requests.Session) -> None:
    with serving(respond_with(b'{"a": 1}', "Content-Type: application/json")) as host:
        response = session.post(host.url + "/token", data={"code": "x"})

    assert response.status_code == 200
    assert response.json() == {"a": 1}
    assert response.text == '{"a": 1}'
    assert b"".join(response.iter_content(3)) == b'{"a": 1}'


def test_an_error_status_is_an_answer(session: requests.Session) -> None:
    with serving(respond_with(b'{"error": "invalid_grant"}', status="400 Bad Request")) as host:
        assert session.get(host.url).json() == {"error": "invalid_grant"}


def test_a_refusing_port_is_unreachable(session: requests.Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{port}"):
        session.get(f"http://127.0.0.1:{port}/secret-path?secret=query")


def test_a_connection_that_nobody_takes_is_given_up_at_the_connect_limit() -> None:
    with session_with() as session, socket.socket() as listener:
        mount_adapters(session, limits=Limits(connect=DEADLINE, deadline=60), bulkhead=ConcurrencyLimit())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname(), timeout=1):  # the queue is full now
            start = monotonic()
            with pytest.raises(ConnectionFailed):
                session.get(f"http://127.0.0.1:{listener.getsockname()[1]}")

    assert monotonic() - start < PROMPTLY


@pytest.mark.parametrize(
    "behaviour", [Connection.hang, drip_headers, drip_many_headers, drip_body, drip_chunks, drip_continues]
)
def test_the_deadline_holds_however_the_answer_is_slow(
    session: requests.Session, behaviour: Callable[[Connection], None]
) -> None:
    with serving(behaviour) as host:
        start = monotonic()
        with pytest.raises(ConnectionFailed):
            session.get(host.url)

    assert DEADLINE * 0.9 < monotonic() - start < PROMPTLY


@pytest.mark.parametrize("behaviour", [Connection.hang, drip_headers, drip_body])
def test_a_slow_call_ends_by_itself_and_gives_its_place_back(behaviour: Callable[[Connection], None]) -> None:
    bulkhead = ConcurrencyLimit(per_host=1)
    with serving(behaviour) as host, session_with(bulkhead) as session:
        with pytest.raises(ConnectionFailed):
            session.get(host.url)
        wait_for_threads()

        assert bulkhead.acquire(host.url.removeprefix("http://"))


def wait_for_threads() -> None:
    for thread in threading.enumerate():
        if "_fulfil" in thread.name:
            thread.join(PROMPTLY)
            assert not thread.is_alive()


def test_a_name_server_that_hangs_does_not_hold_the_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    bulkhead = ConcurrencyLimit(per_host=1)

    def resolve(*_: object, **__: object) -> None:
        answered.wait(PROMPTLY)
        raise socket.gaierror("late")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with session_with(bulkhead) as session:
        with pytest.raises(ConnectionFailed, match="no whole answer"):
            session.get("https://accounts.example")
        with pytest.raises(ConnectionFailed, match="too many"):
            session.get("https://accounts.example")
        answered.set()
        wait_for_threads()
        assert bulkhead.acquire("accounts.example")


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda connection: connection.send(b""),
        lambda connection: connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
        lambda connection: connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        lambda connection: connection.send(b"SSH-2.0-OpenSSH\r\n"),
        respond_with(b"no gzip", "Content-Encoding: gzip"),
    ],
    ids=["nothing", "cut off", "bad chunk", "not http", "not gzip"],
)
def test_a_broken_answer_is_unreachable(session: requests.Session, behaviour: Callable[[Connection], None]) -> None:
    with serving(behaviour) as host, pytest.raises(ConnectionFailed):
        session.get(host.url)


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent", "304 Same"]
)
@pytest.mark.parametrize("allowed", [True, False])
def test_a_redirect_is_an_error_and_never_followed(session: requests.Session, status: str, allowed: bool) -> None:
    with (
        serving(respond_with(b"")) as elsewhere,
        serving(respond_with(b"", f"Location: {elsewhere.url}", status=status)) as host,
        pytest.raises(UnexpectedRedirect),
    ):
        session.post(host.url, data={"client_secret": "s"}, allow_redirects=allowed)

    assert elsewhere.connections == []


def test_authlib_does_not_carry_a_code_through_a_redirect() -> None:
    with serving(respond_with(b"{}")) as elsewhere:
        moved = respond_with(b"", f"Location: {elsewhere.url}", status="307 Temporary Redirect")
        with serving(moved) as host, OAuth2Session("id", "secret") as session:
            mount_adapters(session, limits=Limits(DEADLINE, DEADLINE))
            with pytest.raises(UnexpectedRedirect):
                session.fetch_token(host.url, code="c", grant_type="authorization_code")

    assert elsewhere.connections == []


def test_eight_hanging_calls_to_one_host_leave_the_others_alone() -> None:
    bulkhead, arrived = ConcurrencyLimit(patience=0), threading.Semaphore(0)

    def hang(connection: Connection) -> None:
        arrived.release()
        connection.hang()

    with (
        serving(hang) as slow,
        serving(respond_with(b"{}")) as quick,
        session_with(bulkhead, deadline=5) as session,
        ThreadPoolExecutor(8) as visitors,
    ):
        calls = [visitors.submit(session.get, slow.url) for _ in range(8)]
        for _ in calls:
            assert arrived.acquire(timeout=PROMPTLY)
        with pytest.raises(ConnectionFailed, match="too many calls"):
            session.get(slow.url)
        assert session.get(quick.url).json() == {}
        for connection in slow.connections:
            connection.socket.shutdown(socket.SHUT_RDWR)

        assert [type(call.exception()) for call in calls] == [ConnectionFailed] * 8
    assert len(slow.connections) == 8


def test_a_process_has_a_bound_over_all_hosts() -> None:
    bulkhead = ConcurrencyLimit(per_host=2, in_all=3, patience=0)
    assert all(bulkhead.acquire(host) for host in ("a", "a", "b"))

    assert not bulkhead.acquire("c")
    bulkhead.release("a")
    assert bulkhead.acquire("c")


def test_a_caller_in_a_burst_waits_for_a_place_to_be_given_back() -> None:
    bulkhead = ConcurrencyLimit(per_host=1, patience=PROMPTLY)
    assert bulkhead.acquire("a")
    with ThreadPoolExecutor(1) as late:
        waiting = late.submit(bulkhead.acquire, "a")
        bulkhead.release("a")

        assert waiting.result(PROMPTLY)


def test_a_place_is_given_back_when_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    bulkhead = ConcurrencyLimit(per_host=1)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with session_with(bulkhead) as session, pytest.raises(ConnectionFailed):
        session.get("http://127.0.0.1:9")

    assert bulkhead.acquire("127.0.0.1:9")
