"""Operator commands that cannot run: one error line, and nothing is changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from genkan.adapters.sqlalchemy import Database, migrations
from genkan.settings.environment import ROOT
from tests.servers.server import environment

COMMANDS = [
    "users list",
    "users role hana@example.com admin",
    "users disable hana@example.com",
    "sessions list",
    "sessions purge",
]


def run_command(settings: dict[str, str], arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process with these environment variables only."""
    given = [f"{name}={value}" for name, value in {**settings, "FLASK_SKIP_DOTENV": "1"}.items()]
    command = ["env", "-i", *given, sys.executable, "-m", "flask", "--app", "app", *arguments.split()]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def error_message(settings: dict[str, str], arguments: str) -> str:
    """Return the error message of a failing command, which is one line."""
    result = run_command(settings, arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_before_the_first_start_the_message_names_the_command(tmp_path: Path, arguments: str) -> None:
    assert "flask genkan upgrade" in error_message(environment(tmp_path), arguments)


def test_without_the_servers_environment_the_message_names_the_variable(tmp_path: Path) -> None:
    settings = {name: value for name, value in environment(tmp_path).items() if name != "AUTH_URL"}
    assert error_message(settings, "users list").startswith("AUTH_URL: it is not set. ")


def test_a_database_that_is_down_is_an_error_without_the_password(tmp_path: Path) -> None:
    settings = {**environment(tmp_path), "DATABASE_URL": "postgresql://ann:hunter22@127.0.0.1:1/x"}
    message = error_message(settings, "sessions list")
    assert message.startswith("DATABASE_URL: ")
    assert "Connection refused" in message
    assert "hunter22" not in message


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    settings = environment(tmp_path)
    migrations.upgrade(settings["DATABASE_URL"])
    with Database(settings["DATABASE_URL"]).write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert "newer release" in error_message(settings, "sessions purge")


def test_the_env_file_of_make_run_does_not_affect_production(tmp_path: Path) -> None:
    """The file sets GENKAN_ENV=development. Flask's command line reads it in addition to the environment."""
    settings = {**environment(tmp_path), "AUTH_URL": "https://app.example.test", "GENKAN_ENV": "development"}
    migrations.upgrade(settings["DATABASE_URL"])
    result = run_command(settings, "users list")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_help_needs_no_database(tmp_path: Path) -> None:
    settings = {**environment(tmp_path), "DATABASE_URL": "postgresql://ann:hunter22@127.0.0.1:1/x"}
    assert "List all users" in run_command(settings, "users list --help").stdout
