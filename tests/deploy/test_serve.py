"""`make serve`: it refuses before it listens, migrates once, and finishes what it has begun before it stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.servers import production_app
from tests.servers.process import free_port

BAD: list[tuple[dict[str, str], str]] = [
    ({"AUTH_SECRET": ""}, "AUTH_SECRET"),
    ({"AUTH_SECRET": "not-long-enough"}, "AUTH_SECRET"),
    ({"AUTH_SECRET": "hunter22" * 8}, "AUTH_SECRET"),
    ({"AUTH_SECRET_1": "not-long-enough"}, "AUTH_SECRET_1"),
    ({"AUTH_URL": ""}, "AUTH_URL"),
    ({"AUTH_URL": "http://app.example.test"}, "AUTH_URL"),
    ({"AUTH_URL": "", "AUTH_TRUST_HOST": "true"}, "AUTH_TRUST_HOST"),
    ({"AUTH_KEYCLOAK_ISSUER": "http://keycloak.example.test"}, "AUTH_KEYCLOAK_ISSUER"),
    ({"AUTH_DEVELOPMENT_PROVIDER": "on"}, "AUTH_DEVELOPMENT_PROVIDER"),
    ({"DATABASE_URL": "postgresql://ann:pass@word@db.example.test/x"}, "DATABASE_URL"),
    ({"DATABASE_URL": "postgresql://postgres:postgres@db.example.test/x"}, "DATABASE_URL"),
    ({"REDIS_URL": "cache.example.test"}, "REDIS_URL"),
    ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG"),
    ({"PORT": "eighty"}, "PORT"),
    ({"WEB_CONCURRENCY": "lots"}, "WEB_CONCURRENCY"),
    ({"GENKAN_ENV": "development", "AUTH_URL": ""}, "AUTH_URL"),
]


@pytest.fixture(name="house")
def _house(tmp_path: Path) -> Path:
    return production_app.build(tmp_path)


def end_of(house: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(production_app.command(house, **settings), capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("settings", "name"), BAD, ids=[f"{name}-{i}" for i, (_, name) in enumerate(BAD)])
def test_a_bad_configuration_is_one_sentence_and_nothing_else(house: Path, settings: dict[str, str], name: str) -> None:
    ended = end_of(house, **settings)
    assert (ended.returncode, ended.stdout) == (os.EX_CONFIG, "")
    assert ended.stderr.startswith(f"genkan: {name}: ")
    assert ended.stderr.count("\n") == 1
    assert not any(value in ended.stderr for value in settings.values() if len(value) > 8)
    assert not (house / "created").exists()
    assert not (house / "migrated").exists()


def test_what_only_the_app_can_judge_is_refused_before_the_database_is_touched(house: Path) -> None:
    (house / "app.py").write_text(
        "from genkan.errors import ConfigurationError\n"
        "def create_app(): raise ConfigurationError('AUTH_GITHUB_SECRET: it is not set. Set both.')\n"
    )
    ended = end_of(house)
    assert ended.returncode == os.EX_CONFIG
    assert ended.stderr == "genkan: AUTH_GITHUB_SECRET: it is not set. Set both.\n"
    assert not (house / "migrated").exists()


def test_a_database_that_does_not_answer_is_one_sentence_too(house: Path) -> None:
    (house / "migrations.py").write_text(
        "from genkan.errors import StoreError\ndef upgrade(url): raise StoreError(url)\n"
    )
    ended = end_of(house, DATABASE_URL="postgresql://ann:hunter22@127.0.0.1:1/x")
    assert ended.returncode == os.EX_UNAVAILABLE
    assert ended.stderr.startswith("genkan: DATABASE_URL: ")
    assert "hunter22" not in ended.stderr


def test_the_database_is_migrated_once_and_an_answer_under_way_is_finished_at_the_end(house: Path) -> None:
    port = free_port()
    with subprocess.Popen(production_app.command(house, PORT=str(port)), stderr=subprocess.PIPE, text=True) as server:
        wait_for(server, "Booting worker")
        wait_for(server, "Booting worker")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"GET /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while not (house / "held").exists():
                os.sched_yield()
            server.send_signal(signal.SIGTERM)
            wait_for(server, "Handling signal: term")
            (house / "released").touch()
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert server.wait(20) == 0
    assert (house / "migrated").read_text().splitlines() == [f"sqlite:///{house}/instance/genkan.db"]


def test_a_warning_is_told_once_at_the_start(house: Path) -> None:
    """And not by each worker."""
    port = free_port()
    with subprocess.Popen(production_app.command(house, PORT=str(port)), stderr=subprocess.PIPE, text=True) as server:
        told: list[str] = []
        for line in server.stderr or ():
            told.append(line)
            if sum("Booting worker" in said for said in told) == 2:
                break
        server.send_signal(signal.SIGTERM)
        _, rest = server.communicate(timeout=30)
    assert told[0].startswith("genkan: AUTH_<PROVIDER>_ID: none is set")
    assert ("".join(told) + rest).count("none is set") == 1
    assert not any("WARNING" in line for line in told)


def wait_for(server: subprocess.Popen[str], words: str) -> None:
    assert any(words in line for line in server.stderr or ())


def test_a_port_that_is_taken_is_told_before_the_database_is_touched(house: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = end_of(house, PORT=str(other.getsockname()[1]))
    assert ended.returncode == os.EX_CONFIG
    assert ended.stderr.startswith("genkan: PORT: ")
    assert not (house / "migrated").exists()


def test_no_flags_of_gunicorn_s_own_reach_it_by_the_environment_or_a_file(house: Path) -> None:
    """One of them would log queries, in which authorization codes travel."""
    (house / "gunicorn.conf.py").write_text("accesslog = '-'\n")
    port = free_port()
    arguments = production_app.command(house, PORT=str(port), GUNICORN_CMD_ARGS="--access-logfile -")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        wait_for(server, "Booting worker")
        wait_for(server, "Booting worker")
        assert urlopen(f"http://127.0.0.1:{port}/?code=travelling", timeout=10).status == 200
        server.send_signal(signal.SIGTERM)
        printed = "".join(server.communicate(timeout=30))
    assert "travelling" not in printed
    assert "GET" not in printed
