"""Fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from board import create_app
from board.db import get_engine, get_session
from flask import Flask
from flask.testing import FlaskClient


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app({"TESTING": True, "DATABASE": f"sqlite:///{tmp_path}/board.sqlite"})
    app.test_cli_runner().invoke(args=["create-tables"])
    yield app
    with app.app_context():
        get_session().close()
        get_engine().dispose()


@pytest.fixture(name="client")
def _client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(name="ada")
def _ada(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.post("/register", data={"name": "ada", "email": "ada@example.com", "password": "secret"})
    return client
