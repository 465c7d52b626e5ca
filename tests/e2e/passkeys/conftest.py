"""The application at http://localhost, where browsers have passkeys, and a device that makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask, Response
from playwright.sync_api import Page

from app import create_app
from genkan import public
from genkan.adapters.sqlalchemy import migrations
from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import serve
from tests.e2e.passkeys.device import Device
from tests.servers.node import react

AddDevice = Callable[..., Device]


@pytest.fixture(name="passkey_app", scope="module")
def _passkey_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Serve the reference application with passkeys. Pages of React are added by `react_app`."""
    database = f"sqlite:///{tmp_path_factory.mktemp('passkeys')}/test.db"

    def make_app(origin: str) -> Flask:
        migrations.upgrade(database)
        return create_app(
            {
                "GENKAN_ENV": "development",
                "AUTH_SECRET": "tests-only-secret-that-protects-nothing-at-all",
                "AUTH_URL": origin.replace("127.0.0.1", "localhost"),
                "AUTH_PASSKEYS": "on",
                "AUTH_TOTP": "on",
                "DATABASE_URL": database,
            }
        )

    with serve(make_app) as app:
        yield app


@pytest.fixture(name="react_app")
def _react_app(passkey_app: Flask, react_script: Path) -> Flask:
    """Return the application with a React page at /react."""
    script, page = react_script.read_bytes(), react.page("/react.js")
    passkey_app.add_url_rule("/react", "react", public(lambda: Response(page)))
    passkey_app.add_url_rule("/react.js", "script", public(lambda: Response(script, content_type="text/javascript")))
    passkey_app.add_url_rule("/favicon.ico", "icon", public(lambda: Response(status=204)))
    return passkey_app


@pytest.fixture(name="passkey_window")
def _passkey_window(open_window: OpenWindow, passkey_app: Flask) -> BrowserWindow:
    return open_window(passkey_app)


@pytest.fixture(name="add_device")
def _add_device() -> AddDevice:
    """Return a function that adds a device to a tab."""

    def add_device(page: Page, **properties: bool) -> Device:
        return Device(page, **properties)

    return add_device
