"""Fixtures of the tests of access tokens: an application on each database, and a signed-in user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.provider_client import get_state, provider_env
from tests.providers.access_tokens.user_client import UserClient
from tests.servers.faulty.provider import FaultyProvider


@pytest.fixture(name="provider_app", params=["sqlite", "postgresql"])
def _provider_app(
    request: pytest.FixtureRequest, make_app: MakeApp, op: FaultyProvider, tmp_path: Path
) -> Iterator[Flask]:
    sqlite_url = f"sqlite:///{tmp_path}/genkan.db"
    url = sqlite_url if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    app = make_app(**provider_env(op), AUTH_DEVELOPMENT_PROVIDER="off", DATABASE_URL=url)
    yield app
    get_state(app).core.adapter._database.close()  # type: ignore[attr-defined]  # only tests close it


@pytest.fixture(name="user")
def _user_client(provider_app: Flask, op: FaultyProvider) -> UserClient:
    op.refreshing = "rotate"
    return UserClient(provider_app, op)
