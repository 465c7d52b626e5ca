"""Paths below a prefix (SCRIPT_NAME), and the paths that `Pages` sets."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask, render_template_string
from werkzeug.test import TestResponse

from genkan import Genkan, public
from genkan.core import Pages
from genkan.errors import ConfigurationError
from tests.browser import HTMX, Browser
from tests.conftest import Environment, MakeApp

LINK = re.compile(r'(?:href|src|action|hx-get|hx-post|value)="([^"]*/[^"]*)"')
PAGES = (
    "/account",
    "/account/delete",
    "/partials/user-menu",
    "/api/auth/signin?callbackUrl=/shop/",
    "/api/auth/signout?callbackUrl=/shop/",
    "/api/auth/error",
)


class PrefixedBrowser(Browser):
    """Browser of an application that is served below /shop."""

    def get(self, path: str, **request: Any) -> TestResponse:
        """Send GET to a path without the prefix."""
        return self.client.get(path, base_url=f"{self.origin}/shop", **request)


@pytest.fixture(name="prefixed")
def _prefixed(app: Flask) -> PrefixedBrowser:
    """Return a signed-in browser. The pages of the application itself are not tested here."""
    app.jinja_loader = None
    browser, plain = PrefixedBrowser(app), Browser(app)
    plain.sign_in()
    browser.client = plain.client
    return browser


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_the_package_has_the_prefix(prefixed: PrefixedBrowser, path: str) -> None:
    response = prefixed.get(path)
    links = LINK.findall(response.text)

    assert response.status_code in {200, 400, 403}
    assert links
    assert [link for link in links if not link.startswith(("/shop/", "http"))] == []


def test_redirects_and_refusals_have_the_prefix(app: Flask) -> None:
    browser = PrefixedBrowser(app)
    sign_in = "/shop/api/auth/signin?callbackUrl=%2Fshop%2Fdashboard"

    assert browser.get("/dashboard").headers["Location"] == sign_in
    assert browser.get("/partials/session", headers={"HX-Request": "true"}).headers["HX-Redirect"].startswith("/shop/")
    assert browser.get("/account/partials/facts").headers["Location"].endswith("callbackUrl=%2Fshop%2F")


def test_the_account_page_redirects_below_the_prefix(prefixed: PrefixedBrowser) -> None:
    data = {"csrfToken": prefixed.csrf_token(), "name": "Hana"}
    response = prefixed.client.post("/account/name", base_url=f"{prefixed.origin}/shop", data=data)

    assert response.headers["Location"].endswith("/shop/account?notice=renamed")


@pytest.fixture(name="own_app")
def _own_app(make_app: MakeApp, environment: Environment) -> Flask:
    """Return an application with the default paths of the package."""
    make_app()
    app = Flask("own", static_folder=None, template_folder=None)
    Genkan(strict=True, tables="authjs").init_app(app, environment=environment)
    app.add_url_rule("/", "home", public(lambda: render_template_string("{{ user_menu() }}<hr>{{ user_menu() }}")))
    app.add_url_rule(
        "/nonce", "nonce", public(lambda: render_template_string("{{ user_menu(loading=True, nonce='a\"b') }}"))
    )
    app.add_url_rule("/bare", "bare", public(lambda: render_template_string("{{ user_menu(assets=False) }}")))
    return app


def test_the_default_paths(own_app: Flask) -> None:
    browser = Browser(own_app)
    browser.sign_in(callback_url="/")

    assert "Where you are signed in" in browser.get("/genkan/account").text
    assert 'hx-get="/genkan/menu"' in browser.get("/genkan/menu", headers=HTMX).text
    assert browser.get("/account").status_code == browser.get("/partials/user-menu").status_code == 404


def test_the_menu_brings_its_styles_and_its_script_once(own_app: Flask) -> None:
    browser = Browser(own_app)
    page = browser.get("/").text

    assert page.index("css/menu.css") < page.index('id="user-menu"')
    assert (page.count("css/menu.css"), page.count("js/session.js"), page.count('id="user-menu"')) == (1, 1, 2)
    assert "session.js" not in browser.get("/bare").text


def test_a_loading_menu_is_public_and_has_the_nonce(own_app: Flask) -> None:
    response = Browser(own_app).get("/nonce")

    assert 'data-status="loading"' in response.text
    assert response.text.count('nonce="a&#34;b"') == 2
    assert "Cookie" not in response.headers.get("Vary", "")


def test_a_function_of_the_application_with_the_name_of_ours_stays(make_app: MakeApp, environment: Environment) -> None:
    make_app()
    app = Flask("own", static_folder=None, template_folder=None)
    app.jinja_env.globals["user_menu"] = "mine"
    Genkan(strict=True, tables="authjs").init_app(app, environment=environment)

    assert app.jinja_env.globals["user_menu"] == "mine"


@pytest.mark.parametrize("path", ["", "account", "/account/", "//host"])
def test_an_invalid_path_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"pages\.account"):
        Pages(account=path)
