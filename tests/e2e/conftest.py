"""One Chromium for the whole run and one house for each file; a fresh window for each test, which must give no cause to complain."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserType, expect

from tests.e2e.browser_window import PATIENCE, BrowserWindow
from tests.e2e.live_server import live_server
from tests.servers.process import missing

OpenWindow = Callable[..., BrowserWindow]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session", name="chromium")
def _chromium(browser_type: BrowserType) -> Iterator[Chromium]:
    program = shutil.which("chromium")
    if program is None:
        missing("Chromium", "chromium")
    expect.set_options(timeout=PATIENCE)
    chromium = browser_type.launch(executable_path=program, args=ARGUMENTS)
    yield chromium
    chromium.close()


@pytest.fixture(scope="module", name="house")
def _house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Start the application for one file: what its tests change there, such as a name, no other file sees."""
    with live_server(tmp_path_factory.mktemp("house")) as app:
        yield app


@pytest.fixture(name="open_window")
def _open_window(chromium: Chromium, house: Flask) -> Iterator[OpenWindow]:
    """Opens windows; keywords are Playwright's for a browser context."""
    windows: list[BrowserWindow] = []

    def open_window(app: Flask = house, htmx: str = "4.0.1", **options: Any) -> BrowserWindow:
        windows.append(BrowserWindow(chromium, app, htmx, **options))
        return windows[-1]

    yield open_window
    for window in windows:
        window.context.close()
    assert [complaint for window in windows for complaint in window.complaints()] == []


@pytest.fixture(name="window")
def _window(open_window: OpenWindow) -> BrowserWindow:
    return open_window()


@pytest.fixture(name="either", params=["4.0.1", "2.0.11"])
def _either(open_window: OpenWindow, request: pytest.FixtureRequest) -> BrowserWindow:
    """A window on pages that run with htmx 4, and then one on pages that run with htmx 2."""
    return open_window(htmx=request.param)
