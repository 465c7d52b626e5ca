"""The owner's commands where something stands in their way: one sentence, and nothing done."""

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


def ended(settings: dict[str, str], words: str) -> subprocess.CompletedProcess[str]:
    """The command in a shell that has these variables and nothing else."""
    given = [f"{name}={value}" for name, value in {**settings, "FLASK_SKIP_DOTENV": "1"}.items()]
    command = ["env", "-i", *given, sys.executable, "-m", "flask", "--app", "app", *words.split()]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def sentence(settings: dict[str, str], words: str) -> str:
    """What it says when it refuses, which is one line."""
    done = ended(settings, words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("Error: ")


@pytest.mark.parametrize("words", COMMANDS)
def test_before_the_first_start_there_is_nothing_to_look_at(tmp_path: Path, words: str) -> None:
    assert "make serve" in sentence(environment(tmp_path), words)


def test_without_the_server_s_environment_the_variable_is_named(tmp_path: Path) -> None:
    settings = {name: value for name, value in environment(tmp_path).items() if name != "AUTH_URL"}
    assert sentence(settings, "users list").startswith("AUTH_URL: it is not set. ")


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    settings = {**environment(tmp_path), "DATABASE_URL": "postgresql://ann:hunter22@127.0.0.1:1/x"}
    told = sentence(settings, "sessions list")
    assert told.startswith("DATABASE_URL: ")
    assert "Connection refused" in told
    assert "hunter22" not in told


def test_a_database_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    settings = environment(tmp_path)
    migrations.upgrade(settings["DATABASE_URL"])
    with Database(settings["DATABASE_URL"]).write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert "newer release" in sentence(settings, "sessions purge")


def test_what_make_run_leaves_in_the_folder_does_not_stand_in_the_way_of_production(tmp_path: Path) -> None:
    """Its `.env` says GENKAN_ENV=development, and Flask's command line reads it beside what is exported."""
    settings = {**environment(tmp_path), "AUTH_URL": "https://app.example.test", "GENKAN_ENV": "development"}
    migrations.upgrade(settings["DATABASE_URL"])
    done = ended(settings, "users list")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_help_needs_no_database(tmp_path: Path) -> None:
    settings = {**environment(tmp_path), "DATABASE_URL": "postgresql://ann:hunter22@127.0.0.1:1/x"}
    assert "List all users" in ended(settings, "users list --help").stdout
