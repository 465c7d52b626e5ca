"""`make serve`: refuses before it listens, migrates once, and becomes a server that nobody can hold up.

The app is a small one of its own, so that what is measured here is the server and nothing else.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from config import ROOT
from tests.peers.process import Process, free_port

WITHIN = 1.0
"""Seconds that anybody else waits at most, whatever some clients do (D5)."""

GOOD = {"AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-", "AUTH_URL": "https://app.example.test"}

APP = """
import os, pathlib, time

def create_app():
    pathlib.Path("created").touch()
    return application

def application(environ, start_response):
    if environ["PATH_INFO"] == "/held":
        pathlib.Path("held").touch()
        while not pathlib.Path("released").exists():
            time.sleep(0.01)
    environ["wsgi.input"].read()
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    body = repr({**seen, "mode": oct(os.umask(0o077))}).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""

MIGRATIONS = """
def upgrade(url):
    with open("migrated", "a") as log:
        print(url, file=log)
"""

BAD: list[tuple[dict[str, str], str]] = [
    ({"AUTH_SECRET": ""}, "AUTH_SECRET"),
    ({"AUTH_SECRET": "not-long-enough"}, "AUTH_SECRET"),
    ({"AUTH_SECRET": "hunter22" * 8}, "AUTH_SECRET"),
    ({"AUTH_SECRET_1": "please-change-me-before-you-deploy-this"}, "AUTH_SECRET_1"),
    ({"AUTH_URL": ""}, "AUTH_URL"),
    ({"AUTH_URL": "http://app.example.test"}, "AUTH_URL"),
    ({"AUTH_URL": "", "AUTH_TRUST_HOST": "true"}, "AUTH_TRUST_HOST"),
    ({"AUTH_KEYCLOAK_ISSUER": "http://keycloak.example.test"}, "AUTH_KEYCLOAK_ISSUER"),
    ({"AUTH_DEVELOPMENT_PROVIDER": "on"}, "AUTH_DEVELOPMENT_PROVIDER"),
    ({"DATABASE_URL": "postgresql://postgres:postgres@db.example.test/x"}, "DATABASE_URL"),
    ({"REDIS_URL": "cache.example.test"}, "REDIS_URL"),
    ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG"),
    ({"PORT": "eighty"}, "PORT"),
    ({"WEB_CONCURRENCY": "lots"}, "WEB_CONCURRENCY"),
    ({"GENKAN_ENV": "development", "AUTH_URL": ""}, "AUTH_URL"),
]


@pytest.fixture(name="house", scope="module")
def _house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    house = tmp_path_factory.mktemp("house")
    for name in ("serve.py", "worker.py", "config.py", "genkan/errors.py"):
        (house / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, house / name)
    (house / "genkan/__init__.py").touch()
    (house / "app.py").write_text(APP)
    (house / "migrations.py").write_text(MIGRATIONS)
    return house


def command(house: Path, settings: dict[str, str]) -> list[str]:
    environ = {"PATH": os.environ["PATH"], **settings}
    return ["env", "-i", *(f"{name}={value}" for name, value in environ.items()), sys.executable, f"{house}/serve.py"]


@pytest.mark.parametrize(("settings", "name"), BAD, ids=[f"{name}-{i}" for i, (_, name) in enumerate(BAD)])
def test_a_bad_configuration_is_one_sentence_and_nothing_else(house: Path, settings: dict[str, str], name: str) -> None:
    touched = [house / "created", house / "migrated"]
    for file in touched:
        file.unlink(missing_ok=True)
    ended = subprocess.run(command(house, {**GOOD, **settings}), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (os.EX_CONFIG, "")
    assert ended.stderr.startswith(f"genkan: {name}: ")
    assert ended.stderr.count("\n") == 1
    assert not any(value in ended.stderr for value in settings.values() if len(value) > 8)
    assert not any(file.exists() for file in touched)


def test_what_only_the_app_can_judge_is_refused_before_the_database_is_touched(house: Path, tmp_path: Path) -> None:
    shutil.copytree(house, tmp_path, dirs_exist_ok=True)
    (tmp_path / "migrated").unlink(missing_ok=True)
    (tmp_path / "app.py").write_text(
        "from genkan.errors import ConfigurationError\n"
        "def create_app(): raise ConfigurationError('AUTH_GITHUB_SECRET: it is not set. Set both.')\n"
    )
    ended = subprocess.run(command(tmp_path, GOOD), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        os.EX_CONFIG,
        "genkan: AUTH_GITHUB_SECRET: it is not set. Set both.\n",
    )
    assert not (tmp_path / "migrated").exists()


def test_a_database_that_does_not_answer_is_one_sentence_too(house: Path, tmp_path: Path) -> None:
    shutil.copytree(house, tmp_path, dirs_exist_ok=True)
    (tmp_path / "migrations.py").write_text(
        "from genkan.errors import StoreError\ndef upgrade(url): raise StoreError(url)\n"
    )
    settings = {**GOOD, "DATABASE_URL": "postgresql://ann:hunter22@127.0.0.1:1/x"}
    ended = subprocess.run(command(tmp_path, settings), capture_output=True, text=True, check=False)
    assert ended.returncode == os.EX_UNAVAILABLE
    assert ended.stderr.startswith("genkan: DATABASE_URL: ")
    assert "hunter22" not in ended.stderr


@pytest.fixture(name="port", scope="module")
def _port(house: Path) -> Iterator[int]:
    port = free_port()
    (house / "migrated").unlink(missing_ok=True)
    server = Process(command(house, {**GOOD, "PORT": str(port)}), "Booting worker")
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


def test_the_database_is_migrated_once_for_two_workers(port: int, house: Path) -> None:
    assert status(port, request()) == 200
    assert (house / "migrated").read_text().splitlines() == [f"sqlite:///{house}/instance/genkan.db"]


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


def test_an_answer_under_way_is_finished_when_the_server_stops(house: Path, tmp_path: Path) -> None:
    shutil.copytree(house, tmp_path, dirs_exist_ok=True)
    port = free_port()
    server = Process(command(tmp_path, {**GOOD, "PORT": str(port)}), "Booting worker")
    server.start()
    with ThreadPoolExecutor() as threads, opened(port) as client:
        client.settimeout(20)
        client.sendall(request(method="GET /held HTTP/1.1"))
        while not (tmp_path / "held").exists():
            os.sched_yield()
        stopped = threads.submit(server.stop, signal.SIGTERM)
        with pytest.raises(ConnectionRefusedError):
            while True:
                opened(port).close()
        (tmp_path / "released").touch()
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    stopped.result()
