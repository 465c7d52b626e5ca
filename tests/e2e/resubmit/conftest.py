"""Fixtures for the tests of forms that are submitted without a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.e2e.resubmit.dialog import REFUSED_REQUEST
from tests.e2e.resubmit.form_app import FormApp


@pytest.fixture(name="form_server", scope="module")
def _form_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, FormApp]]:
    form_app = FormApp()
    with live_server(tmp_path_factory.mktemp("form")) as app:
        form_app.register(app)
        yield app, form_app


@pytest.fixture(name="form_app")
def _form_app(form_server: tuple[Flask, FormApp]) -> FormApp:
    form_server[1].reset()
    return form_server[1]


@pytest.fixture(name="form_window", params=["4.0.1", "2.0.11"])
def _form_window(
    open_window: OpenWindow, form_server: tuple[Flask, FormApp], request: pytest.FixtureRequest
) -> BrowserWindow:
    """Return a window with a signed-in user, with htmx 4 and then with htmx 2."""
    window = open_window(form_server[0], request.param)
    window.allow_errors(REFUSED_REQUEST)
    window.sign_in()
    return window
