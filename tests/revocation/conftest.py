"""Fixtures: the application with four workers and each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.revocation.running_app import RunningApp, running_app
from tests.servers.server import environment


@pytest.fixture(name="settings", params=["sqlite", "postgresql"])
def _settings(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    settings = environment(tmp_path)
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("migrated_postgres_url")
    return settings


@pytest.fixture(name="running", scope="module", params=["sqlite", "postgresql"])
def _running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """Start the application once for the tests of a module. Each test has users of its own."""
    settings = environment(tmp_path_factory.mktemp("app"))
    with ExitStack() as stack:
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres_server")
            settings["DATABASE_URL"] = stack.enter_context(server.migrated_database())
        yield stack.enter_context(running_app(settings))
