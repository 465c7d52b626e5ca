"""Fixtures: an application that existed before Genkan, with Genkan, on Werkzeug's server and with no setting."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from playwright.sync_api import Page

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import serve
from tests.e2e.page_actions import choose_user, menu
from tests.guests.applications import GUESTS
from tests.guests.guest import Guest

HTMX = Path(__file__).parents[2] / "vendor" / "htmx-1.9.12.min.js"


@contextmanager
def live_guest(guest: Guest, folder: Path) -> Iterator[Flask]:
    """Serve a copy of the application in this folder, as `flask run` does."""
    guest.copy_to(folder)
    guest.apply_patch(folder)
    if guest.name == "board":
        shutil.copy(HTMX, folder / "board/theme/files/htmx.min.js")
    origins: list[str] = []
    with guest.loaded(folder, testing=False) as app:

        def note(origin: str) -> Flask:
            origins.append(origin)
            return app

        with serve(note):
            # The origin is that of the first request.
            requests.get(f"{origins[0]}/api/auth/csrf", timeout=10).close()
            yield app


def sign_in(window: BrowserWindow, path: str = "/", name: str = "Hana Example") -> Page:
    """Open a page and sign in by its menu. Return the page, which is open again."""
    page = window.open(path)
    menu(page, "unauthenticated").get_by_role("link", name="Sign in").click()
    choose_user(page, name)
    menu(page, "authenticated").wait_for()
    return page


@pytest.fixture(name="open_window")
def _open_window(open_window: OpenWindow) -> OpenWindow:
    """Return the function of the other browser tests. Old scripts of Flask-DebugToolbar write warnings to the console."""

    def open_guest_window(**options: Any) -> BrowserWindow:
        window = open_window(**options)
        window.allow_errors("JQMIGRATE")
        return window

    return open_guest_window


@pytest.fixture(name="guest", scope="module", params=GUESTS)
def _guest(request: pytest.FixtureRequest) -> Guest:
    return GUESTS[request.param]


@pytest.fixture(name="live_app", scope="module")
def _live_app(guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Replace the reference application for the tests in this folder."""
    with live_guest(guest, tmp_path_factory.mktemp("live") / "guest") as app:
        yield app
