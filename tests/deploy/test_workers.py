"""Four real workers under the production server: what one begins another can end, and once means once."""

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

from genkan.adapters.sqlalchemy import migrations
from genkan.settings.environment import ROOT
from tests.provider_client import provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import Server, ServerClient, environment, serving

WORKERS = 4


@pytest.fixture(name="op", scope="module")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


@pytest.fixture(name="server", scope="module")
def _server(op: FaultyProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {**environment(tmp_path_factory.mktemp("house")), "WEB_CONCURRENCY": str(WORKERS), **provider_env(op)}
    with serving(["-m", "deploy.serve"], settings) as server:
        yield server


@pytest.fixture(name="origin")
def _origin(server: Server) -> str:
    return server.origin


def workers(server: Server) -> list[int]:
    """The process ids of the workers that run now."""
    parent = server.process.pid
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def at_once(act: Callable[[int], object], times: int) -> list[object]:
    # Ten at a time: more than one worker lets call the provider, and fewer than all of them together do.
    with ThreadPoolExecutor(10) as pool:
        return list(pool.map(act, range(times)))


def test_twenty_people_sign_in_whichever_workers_answer(origin: str, op: FaultyProvider) -> None:
    """The flow begun on one ends on another (M2)."""

    def sign_in(number: int) -> str | None:
        visitor = ServerClient(origin)
        claims = {"sub": f"guest-{number}", "name": f"Guest {number}", "email": f"guest{number}@example.org"}
        landed = visitor.ask("GET", op.authorize(visitor.start(), claims))
        assert landed.headers["Location"] == f"{origin}/dashboard"
        assert [visitor.name() for _ in range(WORKERS)] == [f"Guest {number}"] * WORKERS
        return visitor.name()

    assert at_once(sign_in, 20) == [f"Guest {number}" for number in range(20)]


def test_a_callback_delivered_ten_times_at_once_spends_its_code_once(origin: str, op: FaultyProvider) -> None:
    """Nine are shown where to go; one signs in (F19, M3)."""
    visitor = ServerClient(origin)
    back = op.authorize(visitor.start(), {"sub": "eager", "email": "eager@example.org"})
    before = len(op.codes)
    header = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.cookies)}
    answers = at_once(lambda _: requests.get(back, headers=header, allow_redirects=False, timeout=20), 10)

    assert len(op.codes) == before + 1
    landed = [answer for answer in answers if isinstance(answer, requests.Response)]
    assert {answer.headers["Location"] for answer in landed} == {f"{origin}/dashboard"}
    assert sum("authjs.session-token=" in answer.headers.get("Set-Cookie", "") for answer in landed) == 1


def test_ten_first_sign_ins_of_one_person_at_once_make_one_user(origin: str, op: FaultyProvider) -> None:
    """In ten browsers, on whichever workers (F20)."""
    claims = {"sub": "twin", "name": "Twin", "email": "twin@example.org"}

    def sign_in(_: int) -> object:
        visitor = ServerClient(origin)
        visitor.ask("GET", op.authorize(visitor.start(), claims))
        return visitor.ask("GET", "/api/user/profile").json()["id"]

    assert len(set(at_once(sign_in, 10))) == 1


def test_killing_the_workers_between_button_and_callback_costs_nobody_the_sign_in(
    origin: str, server: Server, op: FaultyProvider
) -> None:
    """What is under way lives in the cookie and the database (F18, M2)."""
    visitor = ServerClient(origin)
    back = op.authorize(visitor.start(), {"sub": "patient", "name": "Patient", "email": "patient@example.org"})
    before = set(workers(server))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    visitor.ask("GET", back)

    assert visitor.name() == "Patient"
    assert not before & set(workers(server))


@pytest.mark.parametrize("path", ["/token", "/jwks", "written down"])
def test_killing_the_workers_in_the_middle_of_a_callback_costs_one_try_and_makes_nobody_twice(
    origin: str, server: Server, op: FaultyProvider, path: str
) -> None:
    """Before the code is exchanged, after it, and when somebody has just been written down (F18)."""
    visitor = ServerClient(origin)
    claims = {"sub": f"killed at {path}", "name": "Unlucky", "email": f"{path.strip('/').split()[0]}@example.org"}
    back = op.authorize(visitor.start(), claims)
    killing = Thread(target=kill_when_written, args=(server, str(claims["email"])))
    if path == "written down":
        killing.start()
    else:
        op.rotate()  # so that the keys have to be asked for
        op.before[path] = lambda: kill_once(op, server)
    with suppress(requests.ConnectionError):  # whoever would answer is dead
        visitor.ask("GET", back)
    if path == "written down":
        killing.join()

    visitor.ask("GET", op.authorize(visitor.start(), claims))
    assert visitor.name() == "Unlucky"
    with closing(sqlite3.connect(database(server))) as rows:
        (people,) = rows.execute("SELECT count(*) FROM users WHERE email = ?", [claims["email"]]).fetchone()
    assert people == 1


def kill_once(op: FaultyProvider, server: Server) -> None:
    op.before.clear()
    kill(server)


def kill(server: Server) -> None:
    for pid in workers(server):
        os.kill(pid, signal.SIGKILL)


def kill_when_written(server: Server, email: str) -> None:
    """Between the commit and the answer, or as near to it as can be had from outside."""
    deadline = time.monotonic() + 10
    with closing(sqlite3.connect(database(server))) as rows:
        while not rows.execute("SELECT 1 FROM users WHERE email = ?", [email]).fetchone():
            assert time.monotonic() < deadline
    kill(server)


def database(server: Server) -> str:
    """The path of the server's database."""
    variables = Path(f"/proc/{server.process.pid}/environ").read_text().split("\0")
    return next(one for one in variables if one.startswith("DATABASE_URL=")).partition("sqlite:///")[2]


def test_the_development_provider_works_with_several_workers(tmp_path: Path) -> None:
    """Its codes are made on one and redeemed on another."""
    settings = {**environment(tmp_path), "GENKAN_ENV": "development"}
    migrations.upgrade(settings["DATABASE_URL"])
    flags = ["--chdir", str(ROOT), "--bind", f"127.0.0.1:{settings['PORT']}", "--workers", "3", "--no-control-socket"]
    with serving(["-m", "gunicorn", "app:create_app()", *flags], settings) as server:
        for _ in range(6):
            visitor = ServerClient(server.origin)
            visitor.sign_in_as_hana()

            assert visitor.name() == "Hana Example"
