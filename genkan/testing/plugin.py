"""Fixtures for pytest. They need a fixture `app` with the application.

A wheel that is installed loads this plugin by itself. Without one: `pytest_plugins = ["genkan.testing.plugin"]`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from genkan import testing


@pytest.fixture
def signed_in(app: Flask) -> Callable[..., FlaskClient]:
    """Return a function that returns a new test client of a signed-in user. Keywords as for `genkan.testing.sign_in`."""

    def sign_in(**user: Any) -> FlaskClient:
        client = app.test_client()
        testing.sign_in(app, client, **user)
        return client

    return sign_in


@pytest.fixture
def htmx_client(app: Flask) -> FlaskClient:
    """Return a test client whose requests say that htmx has sent them."""
    client = app.test_client()
    client.environ_base["HTTP_HX_REQUEST"] = "true"
    return client


@pytest.fixture
def assert_protected(app: Flask) -> Callable[..., None]:
    """Return a function that fails for an open endpoint. Keywords as for `genkan.testing.assert_protected`."""
    return lambda **options: testing.assert_protected(app, **options)
