"""Fixtures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from journal import create_app
from journal.extensions import db
from journal.models import User


class Client(FlaskClient):
    """Client that sends the CSRF token of a page with its form."""

    def submit(self, path: str, form_on: str | None = None, **fields: str) -> object:
        """Open the page with the form, and send the form."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(form_on or path).text)
        assert found
        return self.post(path, data={"csrf_token": found[1], **fields})


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/test.sqlite"})
    app.test_client_class = Client
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(name="client")
def _client(app: Flask) -> Client:
    return app.test_client()


@pytest.fixture(name="ada")
def _ada(app: Flask) -> Client:
    """Return the client of a writer who has logged in."""
    user = User(name="ada", email="ada@example.com", email_confirmed=True)
    user.set_password("secret")
    db.session.add(user)
    db.session.commit()
    client = app.test_client()
    client.submit("/auth/login", name="ada", password="secret")
    return client
