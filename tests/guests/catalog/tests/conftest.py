"""Fixtures. The application of the module is made once, so each test empties its tables."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

FOLDER = tempfile.TemporaryDirectory()
os.environ |= {
    "CATALOG_TESTING": "true",
    "CATALOG_DEBUG_TB_ENABLED": "true",
    "CATALOG_SQLALCHEMY_DATABASE_URI": f"sqlite:///{Path(FOLDER.name) / 'test.sqlite'}",
}

import catalog  # noqa: E402 (reads the environment)
from catalog.models import Book, User  # noqa: E402


class Client(FlaskClient):
    """Client that sends the CSRF token of a page with its form."""

    def submit(self, path: str, form_on: str | None = None, **fields: str) -> object:
        """Open the page with the form, and send the form."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(form_on or path).text)
        assert found
        return self.post(path, data={"csrf_token": found[1], **fields})


def pytest_unconfigure() -> None:
    with catalog.app.app_context():
        catalog.db.engine.dispose()
    FOLDER.cleanup()


@pytest.fixture(name="app")
def _app() -> Iterator[Flask]:
    app = catalog.app
    app.test_client_class = Client
    with app.app_context():
        for table in reversed(catalog.db.metadata.sorted_tables):
            catalog.db.session.execute(table.delete())
        catalog.db.session.add_all([Book(title="Emma"), Book(title="Dune")])
        catalog.db.session.commit()
        catalog.cache.clear()
    return app


@pytest.fixture(name="client")
def _client(app: Flask) -> Client:
    return app.test_client()


@pytest.fixture(name="make_reader")
def _make_reader(app: Flask):
    """Return a function that adds a reader and returns a client who has logged in."""

    def make(name: str, **columns: object) -> Client:
        user = User(name=name, email=f"{name}@example.com", **columns)
        user.set_password("secret")
        with app.app_context():
            catalog.db.session.add(user)
            catalog.db.session.commit()
        client = app.test_client()
        client.submit("/login", email=f"{name}@example.com", password="secret")
        return client

    return make


@pytest.fixture(name="ada")
def _ada(make_reader) -> Client:
    return make_reader("ada")
