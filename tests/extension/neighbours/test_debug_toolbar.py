"""Flask-DebugToolbar adds itself to the application's pages, and not to those of Genkan, whose policy would block it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_debugtoolbar import DebugToolbarExtension

from genkan import Genkan
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of


@pytest.fixture(name="with_toolbar", params=["toolbar first", "Genkan first"])
def _with_toolbar(request: pytest.FixtureRequest, make_guest: MakeGuest) -> Flask:
    other = make_guest()
    app = Flask("with_toolbar", root_path=other.root_path, instance_path=other.instance_path)
    app.config.update(SECRET_KEY="a key of the application", TESTING=True, DEBUG_TB_ENABLED=True)
    app.config["DEBUG_TB_INTERCEPT_REDIRECTS"] = False
    extensions = [DebugToolbarExtension, Genkan]
    for extension in extensions if request.param == "toolbar first" else reversed(extensions):
        extension(app)
    app.add_url_rule("/", "front", lambda: "<!doctype html><body></body>")
    return app


def test_the_application_s_own_page_has_the_toolbar(with_toolbar: Flask) -> None:
    assert "flDebug" in with_toolbar.test_client().get("/").text


@pytest.mark.parametrize("path", ["/api/auth/signin", "/genkan/account", "/genkan/menu"])
def test_a_page_of_genkan_has_none(with_toolbar: Flask, path: str) -> None:
    browser = browser_of(with_toolbar)
    browser.sign_in()
    page = browser.get(path, headers={"Accept-Encoding": "gzip"})
    assert (page.status_code, "flDebug" in page.text) == (200, False)
    assert page.content_length == len(page.data)
