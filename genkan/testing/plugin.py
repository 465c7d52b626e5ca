"""Fixtures for pytest. They need a fixture `app` with the application.

A wheel that is installed loads this plugin by itself. Without one: `pytest_plugins = ["genkan.testing.plugin"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from genkan import testing
from genkan.types import User
from genkan.web.state import MovableClock


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
def genkan_clock(app: Flask) -> Iterator[MovableClock]:
    """Return the clock of `app`. `advance(seconds)` and `set(moment)` move it for Genkan, and for nothing else."""
    clock = testing.clock_of(app)
    before = clock.offset
    yield clock
    clock.offset = before


@pytest.fixture
def sign_in_with(app: Flask) -> Callable[..., User]:
    """Return a function that signs a Playwright page in, without opening a page. Keywords as for
    `genkan.testing.sign_in`."""
    return lambda page, **user: testing.sign_in_with(app, page, **user)


@pytest.fixture
def assert_protected(app: Flask) -> Callable[..., None]:
    """Return a function that fails for an open endpoint. Keywords as for `genkan.testing.assert_protected`."""
    return lambda **options: testing.assert_protected(app, **options)
