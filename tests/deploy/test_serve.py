"""`make serve`: it checks the settings before it listens, migrates once, and completes requests before it stops."""

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
]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    return production_app.build(tmp_path)


def run_to_end(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        production_app.command(folder, **settings), capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(("settings", "name"), INVALID, ids=[f"{name}-{i}" for i, (_, name) in enumerate(INVALID)])
def test_an_invalid_setting_is_one_error_sentence(folder: Path, settings: dict[str, str], name: str) -> None:
    result = run_to_end(folder, **settings)
    assert (result.returncode, result.stdout) == (os.EX_CONFIG, "")
    assert result.stderr.startswith(f"genkan: {name}: ")
    assert result.stderr.count("\n") == 1
    assert not any(value in result.stderr for value in settings.values() if len(value) > 8)
    assert not (folder / "created").exists()
    assert not (folder / "migrated").exists()


def test_a_library_that_needs_docstrings_stops_the_start(folder: Path) -> None:
    """Docstrings are removed in the workers, where each would end with this error."""
    program = (folder / "app.py").read_text()
    (folder / "app.py").write_text('def described():\n    """Words."""\n\n\ndescribed.__doc__.split()\n' + program)
    result = run_to_end(folder)

    assert result.returncode not in (0, os.EX_CONFIG)
    assert "AttributeError" in result.stderr
    assert "gunicorn" not in result.stderr
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


def test_the_database_is_migrated_once_and_a_running_request_is_completed(folder: Path) -> None:
    port = free_port()
    with subprocess.Popen(production_app.command(folder, PORT=str(port)), stderr=subprocess.PIPE, text=True) as server:
        wait_for(server, "Booting worker")
        wait_for(server, "Booting worker")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"GET /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while not (folder / "held").exists():
                os.sched_yield()
            server.send_signal(signal.SIGTERM)
            wait_for(server, "Handling signal: term")
            (folder / "released").touch()
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert server.wait(20) == 0
    assert (folder / "migrated").read_text().splitlines() == [f"sqlite:///{folder}/instance/genkan.db"]


def test_a_warning_is_printed_once_at_the_start(folder: Path) -> None:
    """The workers do not print it again."""
    port = free_port()
    with subprocess.Popen(production_app.command(folder, PORT=str(port)), stderr=subprocess.PIPE, text=True) as server:
        lines: list[str] = []
        for line in server.stderr or ():
            lines.append(line)
            if sum("Booting worker" in each for each in lines) == 2:
                break
        server.send_signal(signal.SIGTERM)
        _, rest = server.communicate(timeout=30)
    assert lines[0].startswith("genkan: AUTH_<PROVIDER>_ID: none is set")
    assert ("".join(lines) + rest).count("none is set") == 1
    assert not any("WARNING" in line for line in lines)


def wait_for(server: subprocess.Popen[str], text: str) -> None:
    assert any(text in line for line in server.stderr or ())


def test_a_port_in_use_stops_the_start_before_the_migration(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = run_to_end(folder, PORT=str(other.getsockname()[1]))
    assert result.returncode == os.EX_CONFIG
    assert result.stderr.startswith("genkan: PORT: ")
    assert not (folder / "migrated").exists()


def test_gunicorn_reads_no_flags_from_the_environment_or_a_file(folder: Path) -> None:
    """Such a flag could log query strings, which contain authorization codes."""
    (folder / "gunicorn.conf.py").write_text("accesslog = '-'\n")
    port = free_port()
    arguments = production_app.command(folder, PORT=str(port), GUNICORN_CMD_ARGS="--access-logfile -")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        wait_for(server, "Booting worker")
        wait_for(server, "Booting worker")
        assert urlopen(f"http://127.0.0.1:{port}/?code=secret-code", timeout=10).status == 200
        server.send_signal(signal.SIGTERM)
        printed = "".join(server.communicate(timeout=30))
    assert "secret-code" not in printed
    assert "GET" not in printed
