"""`make serve`: it checks the settings before it listens, migrates once, and completes requests before it stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.servers import production_app
from tests.servers.process import free_port, wait_for_port
from tests.servers.server import SERVERS, alone

INVALID: list[tuple[dict[str, str], str]] = [
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
    ({"REDIS_URL": "cache.example.test"}, "REDIS_URL"),
    ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG"),
    ({"PORT": "eighty"}, "PORT"),
    ({"SCRIPT_NAME": "/shop"}, "SCRIPT_NAME"),
    ({"AUTH_SECRET": '"Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"'}, "AUTH_SECRET"),
    ({"WEB_CONCURRENCY": "lots"}, "WEB_CONCURRENCY"),
    ({"GENKAN_ENV": "development", "AUTH_URL": ""}, "AUTH_URL"),
    ({"GENKAN_SERVER": "apache"}, "GENKAN_SERVER"),
]


STOPPING = {"granian": "Shutting down", "gunicorn": "Handling signal: term"}
"""What each server logs when it is asked to stop."""

FLAGS = {
    "GUNICORN_CMD_ARGS": "--access-logfile -",
    "GRANIAN_LOG_ACCESS_ENABLED": "true",
    "GRANIAN_WORKERS": "1",
    "HTTP_PROXY": "http://proxy.test",
}
"""Variables that the servers would read."""


@dataclass(frozen=True)
class Run:
    """Output, migrations, responses and exit status of one server."""

    printed: str
    migrations: list[str]
    responses: list[str]
    status: int


@pytest.fixture(name="run", scope="module", params=SERVERS)
def _run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Start a server, send a request with a code, and stop it during another request."""
    name: str = request.param
    folder = production_app.build(tmp_path_factory.mktemp(name))
    (folder / "gunicorn.conf.py").write_text("accesslog = '-'\n")
    port, lines = free_port(), list[str]()
    command = production_app.command(folder, PORT=str(port), GENKAN_SERVER=name, **FLAGS)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        for _ in range(2):
            read_until(server, SERVERS[name], lines)
        wait_for_port(port)
        first = urlopen(f"http://127.0.0.1:{port}/?code=secret-code", timeout=10).read().decode()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"GET /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while not (folder / "held").exists():
                os.sched_yield()
            server.send_signal(signal.SIGTERM)
            read_until(server, STOPPING[name], lines)
            (folder / "released").touch()
            second = client.recv(65536).decode()
        rest, _ = server.communicate(timeout=30)
    migrations = (folder / "migrated").read_text().replace(str(folder), "").splitlines()
    return Run("".join(lines) + rest, migrations, [first, second], server.returncode)


def read_until(server: subprocess.Popen[str], text: str, lines: list[str]) -> None:
    for line in server.stdout or ():
        lines.append(line)
        if text in line:
            return
    pytest.fail("".join(lines))


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    return production_app.build(tmp_path)


def run_to_end(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        production_app.command(folder, **settings), capture_output=True, text=True, check=False, timeout=60
    )


FORKED = """
import json, os, sys
from deploy import serve

for number, settings in enumerate(json.load(sys.stdin)):
    child = os.fork()
    if child == 0:
        os.environ.clear()
        os.environ.update(settings)
        for stream in (1, 2):
            os.dup2(os.open(f"{number}.{stream}", os.O_CREAT | os.O_WRONLY), stream)
        serve.main()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs `make serve` with each of the settings of a list, and prints the exit statuses. It is imported once for all of
them."""


@pytest.fixture(name="refusals", scope="module")
def _refusals(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str, str]]:
    """Return exit status, output and error output of a start with each of the invalid settings."""
    folder = production_app.build(tmp_path_factory.mktemp("invalid"))
    environment = {"PATH": os.environ["PATH"], **production_app.GOOD, "PORT": str(free_port())}
    cases = json.dumps([environment | settings for settings, _ in INVALID])
    command = alone(["-OO", "-c", FORKED], {}, folder)
    printed = subprocess.run(command, input=cases, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    assert not (folder / "created").exists()
    assert not (folder / "migrated").exists()
    outputs, errors = ([(folder / f"{n}.{stream}").read_text() for n in range(len(INVALID))] for stream in (1, 2))
    return list(zip(map(int, printed.split()), outputs, errors, strict=True))


@pytest.mark.parametrize("number", range(len(INVALID)), ids=[f"{name}-{i}" for i, (_, name) in enumerate(INVALID)])
def test_an_invalid_setting_is_one_error_sentence(refusals: list[tuple[int, str, str]], number: int) -> None:
    settings, name = INVALID[number]
    status, output, error = refusals[number]
    assert (status, output) == (os.EX_CONFIG, "")
    assert error.startswith(f"genkan: {name}: ")
    assert error.count("\n") == 1
    assert not any(value in error for value in settings.values() if len(value) > 8)


def test_a_library_that_needs_docstrings_stops_the_start(folder: Path) -> None:
    """Docstrings are removed in the workers, where each would end with this error."""
    program = (folder / "app.py").read_text()
    (folder / "app.py").write_text('def described():\n    """Words."""\n\n\ndescribed.__doc__.split()\n' + program)
    result = run_to_end(folder)

    assert result.returncode not in (0, os.EX_CONFIG)
    assert "AttributeError" in result.stderr
    assert "granian" not in result.stderr
    assert not (folder / "migrated").exists()


def test_an_error_of_create_app_stops_the_start_before_the_migration(folder: Path) -> None:
    (folder / "app.py").write_text(
        "from genkan.errors import ConfigurationError\n"
        "def create_app(): raise ConfigurationError('AUTH_GITHUB_SECRET: it is not set. Set both.')\n"
    )
    result = run_to_end(folder)
    assert result.returncode == os.EX_CONFIG
    assert result.stderr == "genkan: AUTH_GITHUB_SECRET: it is not set. Set both.\n"
    assert not (folder / "migrated").exists()


def test_a_database_that_is_down_is_one_error_sentence(folder: Path) -> None:
    (folder / production_app.MIGRATIONS_PATH).write_text(
        "from genkan.errors import AdapterError\ndef upgrade(url): raise AdapterError(url)\n"
    )
    result = run_to_end(folder, DATABASE_URL="postgresql://ann:hunter22@127.0.0.1:1/x")
    assert result.returncode == os.EX_UNAVAILABLE
    assert result.stderr.startswith("genkan: DATABASE_URL: ")
    assert "hunter22" not in result.stderr


def test_a_running_request_is_completed_before_the_server_stops(run: Run) -> None:
    assert run.responses[1].startswith("HTTP/1.1 200 ")
    assert run.status == 0


def test_the_database_is_migrated_once(run: Run) -> None:
    assert run.migrations == ["sqlite:////instance/genkan.db"]


def test_a_warning_is_printed_once_at_the_start(run: Run) -> None:
    """The workers do not print it again."""
    assert run.printed.startswith("genkan: AUTH_<PROVIDER>_ID: none is set")
    assert run.printed.count("none is set") == 1


def test_no_flag_is_read_from_the_environment_or_a_file(run: Run) -> None:
    """Such a flag could log query strings, which contain authorization codes."""
    assert "secret-code" not in run.printed
    assert "GET" not in run.printed


def test_the_application_gets_no_settings_and_no_proxy_with_a_request(run: Run) -> None:
    """granian passes on the environment. An error report would contain it."""
    assert production_app.GOOD["AUTH_SECRET"] not in run.responses[0]
    assert "HTTP_PROXY" not in run.responses[0]
    assert "'HTTP_HOST': " in run.responses[0]


def test_a_port_in_use_stops_the_start_before_the_migration(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = run_to_end(folder, PORT=str(other.getsockname()[1]))
    assert result.returncode == os.EX_CONFIG
    assert result.stderr.startswith("genkan: PORT: ")
    assert not (folder / "migrated").exists()
