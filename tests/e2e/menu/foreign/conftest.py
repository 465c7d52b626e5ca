"""Fixtures for the menu on the pages of another application."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.e2e.menu.foreign.foreign_app import register


@pytest.fixture(name="foreign_app", scope="module")
def _foreign_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with live_server(tmp_path_factory.mktemp("foreign")) as app:
        register(app)
        yield app


@pytest.fixture(name="foreign_window")
def _foreign_window(open_window: OpenWindow, foreign_app: Flask) -> BrowserWindow:
    window = open_window(foreign_app)
    # htmx with its default settings adds a style element, which the policy of these pages forbids.
    window.allow_errors("Content Security Policy")
    return window
