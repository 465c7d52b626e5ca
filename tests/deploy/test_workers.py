"""Four real workers: a flow may start on one and complete on another, and each step happens once."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread

import pytest
import requests

from deploy.serve import granian_args
from genkan.adapters.sqlalchemy import migrations
from genkan.settings.environment import from_environment
from tests.provider_client import provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import SERVE, Server, ServerClient, environment, serving

pytestmark = pytest.mark.xdist_group("timing")

WORKERS = 4


@pytest.fixture(name="op", scope="module")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


@pytest.fixture(name="server", scope="module")
def _server(op: FaultyProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {**environment(tmp_path_factory.mktemp("app")), "WEB_CONCURRENCY": str(WORKERS), **provider_env(op)}
    # granian stops if a worker ends twice within six seconds, as it does in these tests.
    settings["GENKAN_SERVER"] = "gunicorn"
    with serving(SERVE, settings) as server:
        yield server


@pytest.fixture(name="origin")
def _origin(server: Server) -> str:
    return server.origin


def workers(server: Server) -> list[int]:
    """Return the process ids of the running workers."""
    parent = server.process.pid
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def run_parallel(function: Callable[[int], object], times: int) -> list[object]:
    # Ten at a time: more than one worker may call the provider at once, fewer than all four together may.
    with ThreadPoolExecutor(10) as pool:
        return list(pool.map(function, range(times)))


def test_twenty_users_sign_in_whichever_worker_answers(origin: str, op: FaultyProvider) -> None:
    """A flow that started on one worker completes on another."""

    def sign_in(number: int) -> str | None:
        client = ServerClient(origin)
        claims = {"sub": f"user-{number}", "name": f"User {number}", "email": f"user{number}@example.org"}
        response = client.ask("GET", op.authorize(client.start(), claims))
        assert response.headers["Location"] == f"{origin}/dashboard"
        assert [client.name() for _ in range(WORKERS)] == [f"User {number}"] * WORKERS
        return client.name()

    assert run_parallel(sign_in, 20) == [f"User {number}" for number in range(20)]


def test_a_callback_sent_ten_times_at_once_exchanges_its_code_once(origin: str, op: FaultyProvider) -> None:
    """Nine requests are redirected. One signs in."""
    client = ServerClient(origin)
    callback = op.authorize(client.start(), {"sub": "eager", "email": "eager@example.org"})
    before = len(op.codes)
    header = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies)}
    responses = run_parallel(lambda _: requests.get(callback, headers=header, allow_redirects=False, timeout=20), 10)

    assert len(op.codes) == before + 1
    redirects = [response for response in responses if isinstance(response, requests.Response)]
    assert {response.headers["Location"] for response in redirects} == {f"{origin}/dashboard"}
    assert sum("authjs.session-token=" in response.headers.get("Set-Cookie", "") for response in redirects) == 1


def test_ten_concurrent_first_sign_ins_create_one_user(origin: str, op: FaultyProvider) -> None:
    """Use ten clients and any workers."""
    claims = {"sub": "twin", "name": "Twin", "email": "twin@example.org"}

    def sign_in(_: int) -> object:
        client = ServerClient(origin)
        client.ask("GET", op.authorize(client.start(), claims))
        return client.ask("GET", "/api/user/profile").json()["id"]

    assert len(set(run_parallel(sign_in, 10))) == 1


def test_a_flow_survives_the_end_of_all_workers(origin: str, server: Server, op: FaultyProvider) -> None:
    """The state of the flow is in the cookie and in the database."""
    client = ServerClient(origin)
    callback = op.authorize(client.start(), {"sub": "patient", "name": "Patient", "email": "patient@example.org"})
    before = set(workers(server))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    client.ask("GET", callback)

    assert client.name() == "Patient"
    assert not before & set(workers(server))


@pytest.mark.parametrize("path", ["/token", "/jwks", "stored"])
def test_workers_killed_during_a_callback_cost_one_attempt_and_create_no_second_user(
    origin: str, server: Server, op: FaultyProvider, path: str
) -> None:
    """Kill them before the code exchange, after it, and after the user is stored."""
    client = ServerClient(origin)
    claims = {"sub": f"killed at {path}", "name": "Unlucky", "email": f"{path.strip('/').split()[0]}@example.org"}
    callback = op.authorize(client.start(), claims)
    killing = Thread(target=kill_when_stored, args=(server, str(claims["email"])))
    if path == "stored":
        killing.start()
    else:
        op.rotate()  # the keys must be requested again
        op.before[path] = lambda: kill_once(op, server)
    with suppress(requests.ConnectionError):  # no worker is left to respond
        client.ask("GET", callback)
    if path == "stored":
        killing.join()

    client.ask("GET", op.authorize(client.start(), claims))
    assert client.name() == "Unlucky"
    with closing(sqlite3.connect(database(server))) as rows:
        (users,) = rows.execute("SELECT count(*) FROM users WHERE email = ?", [claims["email"]]).fetchone()
    assert users == 1


def kill_once(op: FaultyProvider, server: Server) -> None:
    op.before.clear()
    kill(server)


def kill(server: Server) -> None:
    for pid in workers(server):
        os.kill(pid, signal.SIGKILL)


def kill_when_stored(server: Server, email: str) -> None:
    """Kill the workers between the commit and the response, as closely as polling allows."""
    deadline = time.monotonic() + 10
    with closing(sqlite3.connect(database(server))) as rows:
        while not rows.execute("SELECT 1 FROM users WHERE email = ?", [email]).fetchone():
            assert time.monotonic() < deadline
    kill(server)


def database(server: Server) -> str:
    """Return the path of the server's SQLite database."""
    variables = Path(f"/proc/{server.process.pid}/environ").read_text().split("\0")
    return next(one for one in variables if one.startswith("DATABASE_URL=")).partition("sqlite:///")[2]


def test_the_development_provider_works_with_several_workers(tmp_path: Path) -> None:
    """Codes are issued by one worker and redeemed at another."""
    settings = {**environment(tmp_path), "GENKAN_ENV": "development"}
    migrations.upgrade(settings["DATABASE_URL"])
    _python, *command = granian_args(from_environment({**settings, "WEB_CONCURRENCY": "3"}))
    with serving(command, settings) as server:
        for _ in range(6):
            client = ServerClient(server.origin)
            client.sign_in_as_hana()

            assert client.name() == "Hana Example"
