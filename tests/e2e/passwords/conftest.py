"""Fixtures for the browser tests of mail and passwords: one application with both and with many providers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.e2e.live_server import live_server
from tests.e2e.page_state import PROVIDERS
from tests.e2e.passwords.steps import Person


@pytest.fixture(name="live_app", scope="package")
def _live_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with live_server(tmp_path_factory.mktemp("passwords"), AUTH_PASSWORDS="on", **PROVIDERS) as app:
        yield app


@pytest.fixture(name="person")
def _person(app: Flask, request: pytest.FixtureRequest) -> Person:
    """Return a person with an address of their own, who has no account yet."""
    return Person(app, f"person{abs(hash(request.node.nodeid))}@example.com")
