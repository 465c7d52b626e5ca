"""Fixtures for the browser tests: one Chromium for the run, one application for each file, a new window for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserType, expect

from tests.e2e.browser_window import TIMEOUT, BrowserWindow
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
    # The headless shell is the same engine without the user interface, which takes most of the time for a new window.
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        missing("Chromium", "chromium-headless-shell")
    expect.set_options(timeout=TIMEOUT)
    chromium = browser_type.launch(executable_path=program, args=ARGUMENTS)
    yield chromium
    chromium.close()


@pytest.fixture(scope="module", name="live_app")
def _live_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Start the application for one file. Its database, with the display names in it, is not shared with other files."""
    with live_server(tmp_path_factory.mktemp("live")) as app:
        yield app


@pytest.fixture(name="app")
def _app(live_app: Flask) -> Flask:
    """Return the application that is served, for the fixtures of `genkan.testing`."""
    return live_app


@pytest.fixture(name="open_window")
def _open_window(chromium: Chromium, live_app: Flask) -> Iterator[OpenWindow]:
    """Return a function that opens windows. Keywords are Playwright's for a browser context.

    At the end every window must be free of errors that its test did not allow.
    """
    windows: list[BrowserWindow] = []

    def open_window(app: Flask = live_app, htmx: str = "4.0.1", **options: Any) -> BrowserWindow:
        windows.append(BrowserWindow(chromium, app, htmx, **options))
        return windows[-1]

    yield open_window
    for window in windows:
        window.context.close()
    assert [error for window in windows for error in window.errors()] == []


@pytest.fixture(name="window")
def _window(open_window: OpenWindow) -> BrowserWindow:
    return open_window()


@pytest.fixture(name="htmx_window", params=["4.0.1", "2.0.11"])
def _htmx_window(open_window: OpenWindow, request: pytest.FixtureRequest) -> BrowserWindow:
    """Return a window whose pages run with htmx 4, and then one whose pages run with htmx 2."""
    return open_window(htmx=request.param)
