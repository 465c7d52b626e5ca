"""A browser asks by OPTIONS, without cookies, before a script's request to another origin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.views import MethodView
from flask_cors import CORS, cross_origin

from genkan import Genkan, fresh_login_required, login_required, roles_required
from tests.browser import Browser
from tests.conftest import ORIGIN

PREFLIGHT = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
ALLOWED = "Access-Control-Allow-Origin"


class Items(MethodView):
    def get(self) -> str:
        return "a secret"

    def options(self) -> str:
        return "a secret"


def secret() -> Callable[[], str]:
    """Return a new view, because `cross_origin` marks the function."""
    return lambda: "a secret"


@pytest.fixture(name="app", params=["strict", "decorated"])
def _app(app: Flask, tmp_path: Path, request: pytest.FixtureRequest) -> Flask:
    """Return a strict application with private views, and one whose views have decorators."""
    if request.param == "decorated":
        app = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path))
        app.testing = True
        Genkan(app, AUTH_URL=ORIGIN, database=None)
    cors = cross_origin(origins="https://app.example.com")
    app.add_url_rule("/plain", "plain", login_required(secret()))
    app.add_url_rule("/role", "role", roles_required("admin")(secret()))
    app.add_url_rule("/fresh", "fresh", fresh_login_required(within=60)(secret()))
    app.add_url_rule("/cors", "cors", cors(login_required(secret())))
    app.add_url_rule("/inner", "inner", login_required(cors(secret())))
    app.add_url_rule("/inner-role", "inner_role", roles_required("admin")(cors(secret())))
    app.add_url_rule("/inner-fresh", "inner_fresh", fresh_login_required(within=60)(cors(secret())))
    app.add_url_rule("/every", "every", login_required(secret()), methods=["GET", "OPTIONS"])
    app.add_url_rule("/class", view_func=login_required(Items.as_view("class")))
    return app


@pytest.mark.parametrize("path", ["/plain", "/role", "/fresh", "/cors", "/inner", "/inner-role", "/inner-fresh"])
def test_a_preflight_of_a_private_view_passes_and_the_request_does_not(app: Flask, path: str) -> None:
    client = app.test_client()
    preflight = client.options(path, base_url=ORIGIN, headers=PREFLIGHT)

    assert (preflight.status_code, preflight.data) == (200, b"")
    assert "GET" in preflight.headers["Allow"]
    assert (preflight.headers.get(ALLOWED) == PREFLIGHT["Origin"]) == (path == "/cors" or path.startswith("/inner"))
    for method in ("GET", "HEAD"):
        assert client.open(path, method=method, base_url=ORIGIN).status_code == 303


@pytest.mark.parametrize("path", ["/every", "/class"])
def test_a_view_that_takes_options_itself_does_not_run_without_a_session(app: Flask, path: str) -> None:
    response = app.test_client().options(path, base_url=ORIGIN, headers=PREFLIGHT)

    assert (response.status_code, response.data) == (200, b"")


def test_cors_for_the_whole_application_allows_a_private_json_view(app: Flask) -> None:
    CORS(app, origins="https://app.example.com", supports_credentials=True)
    for path in ("/plain", "/every", "/api/auth/session"):
        preflight = app.test_client().options(path, base_url=ORIGIN, headers=PREFLIGHT)
        assert (preflight.status_code, preflight.headers[ALLOWED]) == (200, "https://app.example.com")


def test_a_signed_in_user_reaches_a_view_that_takes_options(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in()

    assert browser.client.options("/every", base_url=ORIGIN).text == "a secret"


def test_an_unknown_address_is_not_found(app: Flask) -> None:
    assert app.test_client().options("/nowhere", base_url=ORIGIN, headers=PREFLIGHT).status_code == 404
