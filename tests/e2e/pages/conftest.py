"""Fixtures for pages of a strict application as a developer writes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.e2e.pages.written_pages import register


@pytest.fixture(name="pages_app", scope="module")
def _pages_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with live_server(tmp_path_factory.mktemp("pages")) as app:
        register(app)
        yield app


@pytest.fixture(name="pages_window", params=["4.0.1", "2.0.11"])
def _pages_window(open_window: OpenWindow, pages_app: Flask, request: pytest.FixtureRequest) -> BrowserWindow:
    """Return a window whose pages run with htmx 4, and then one whose pages run with htmx 2."""
    return open_window(pages_app, htmx=request.param)
