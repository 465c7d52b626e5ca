"""`flask db migrate` in an application with a history of its own: a script with our tables, which runs, and then no
changes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, inspect, text

from genkan.settings.environment import ROOT
from tests.guests.applications import JOURNAL
from tests.guests.guest import Guest
from tests.guests.test_guests import browser_of

FlaskCommand = Callable[..., str]


@pytest.fixture(name="guest")
def _guest() -> Guest:
    return JOURNAL


@pytest.fixture(name="database")
def _database(folder: Path) -> str:
    return f"sqlite:///{folder / 'journal.sqlite'}"


@pytest.fixture(name="flask")
def _flask(folder: Path, database: str) -> FlaskCommand:
    """Return a function that runs a command of the application. No setting of Genkan is there."""

    def run(*arguments: str) -> str:
        command = ["env", "-i", f"PYTHONPATH={folder}:{ROOT}", f"DATABASE_URI={database}"]
        command += [sys.executable, "-W", "error", "-m", "flask", "--app", "journal", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(name="migrated")
def _migrated(flask: FlaskCommand, guest: Guest, folder: Path, database: str) -> Path:
    """Return the folder of the application, which got Genkan after its first user."""
    flask("db", "upgrade")
    add_user = "INSERT INTO \"user\" (name, email, email_confirmed, about) VALUES ('hana', 'hana@example.com', 1, '')"
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text(add_user))
    engine.dispose()
    guest.apply_patch(folder)
    flask("db", "migrate", "-m", "Genkan", "--rev-id", "0002")
    flask("db", "upgrade")
    return folder


def scripts(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "migrations/versions").glob("*.py"))


def tables(database: str) -> set[str]:
    engine = create_engine(database)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


@pytest.fixture(name="app")
def _app(migrated: Path, guest: Guest) -> Iterator[Flask]:
    """Return the application with the migrated database."""
    with guest.loaded(migrated) as app:
        yield app


def test_the_script_runs_and_then_nothing_has_changed(migrated: Path, flask: FlaskCommand, database: str) -> None:
    script = (migrated / "migrations/versions/0002_genkan.py").read_text()
    created = {name for name in tables(database) if name.startswith("genkan_")}

    assert created >= {"genkan_users", "genkan_accounts", "genkan_sessions"}
    assert "genkan." not in script  # plain column types only
    assert {name.partition("_")[0] for name in re.findall(r"op\.\w*table\(\s*'(\w+)'", script)} == {"genkan"}
    flask("db", "check")
    flask("db", "migrate", "-m", "Again")
    assert scripts(migrated) == ["0001_users_and_posts.py", "0002_genkan.py"]


def test_the_script_can_be_undone(migrated: Path, flask: FlaskCommand, database: str) -> None:
    flask("db", "downgrade", "0001")
    assert {name for name in tables(database) if name.startswith("genkan_")} == set()
    assert {"user", "post"} <= tables(database)
    flask("db", "upgrade")


def test_a_user_from_before_signs_in_by_a_provider(app: Flask) -> None:
    browser = browser_of(app)
    browser.sign_in(callback_url="/")
    session = browser.session()

    assert session is not None
    assert (session["user"]["id"], session["user"]["name"]) == ("1", "Hana Example")
