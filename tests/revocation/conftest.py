"""Fixtures: the application with four workers and each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture(name="running")
def _running(settings: dict[str, str]) -> Iterator[RunningApp]:
    with running_app(settings) as running:
        yield running
