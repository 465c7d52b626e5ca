"""Flask-Login on top of `auth()`: `current_user`, `@login_required`, and no cookies of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest
from flask import Blueprint, Flask, render_template_string
from flask_login import current_user, login_required

from genkan import json_blueprint, public
from genkan.callbacks import Callbacks
from genkan.errors import ConfigurationError
from genkan.extension import install
from genkan.web import flask_login
from tests.browser import HTMX, Browser
from tests.conftest import MakeApp
from tests.core import make_core, with_callbacks

REMEMBER_COOKIES = ("remember_token", flask_login.UNUSED_COOKIE_NAME, "never", "sent", "session")


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    """Return an application with public views, some of which require a login by Flask-Login."""
    app = make_app()
    app.add_url_rule("/page", "page", view_func=public(login_required(_describe_user)))
    app.add_url_rule("/open", "open", view_func=public(_describe_user))
    json = json_blueprint(Blueprint("json", __name__))
    json.add_url_rule("/json", "page", public(login_required(_describe_user)))
    app.register_blueprint(json)
    return app


def _describe_user() -> str:
    return f"{current_user.name}, {current_user.role}" if current_user.is_authenticated else "anonymous"


def _get(browser: Browser, path: str, cookie: str) -> tuple[int, str]:
    client = browser.app.test_client(use_cookies=False)
    response = client.get(path, base_url=browser.origin, headers={"Cookie": cookie})
    return response.status_code, response.text


def _fail(_params: object) -> NoReturn:
    raise RuntimeError


def test_current_user_is_the_user_of_the_session(app: Flask, browser: Browser) -> None:
    def describe() -> str:
        return f"{current_user.get_id()} {current_user.email} {current_user.image} {current_user.is_anonymous}"

    app.add_url_rule("/describe", view_func=public(describe))
    assert browser.get("/open").text == "anonymous"
    browser.sign_in()
    user = (browser.session() or {})["user"]
    assert browser.get("/describe").text == f"{user['id']} {user['email']} {user['image']} False"
    assert browser.get("/page").text == "Hana Example, user"


def test_login_required_refuses_pages_fragments_and_json_like_the_access_check(browser: Browser) -> None:
    page, fragment, program = browser.get("/page"), browser.get("/page", headers=HTMX), browser.get("/json")
    assert (page.status_code, page.headers["Location"]) == (303, "/api/auth/signin?callbackUrl=%2Fpage")
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (401, "/api/auth/signin?callbackUrl=%2Fdashboard")
    assert len(fragment.text) < 100
    assert (program.status_code, program.get_json()) == (401, {"error": "Unauthorized"})


def test_login_required_returns_503_when_the_session_cannot_be_read(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    state = app.extensions["genkan"]
    state.core.sessions.cache.clear()
    state.core = with_callbacks(state.core, Callbacks(jwt=_fail))
    for path, headers in (("/page", {}), ("/page", HTMX), ("/json", {})):
        assert browser.get(path, headers=headers).status_code == 503


@pytest.mark.parametrize("name", REMEMBER_COOKIES)
def test_an_unknown_cookie_neither_signs_in_nor_signs_out(browser: Browser, name: str) -> None:
    cookies = [f"{name}={value}" for value in ("1|aa", "junk", "", "|", f"1|{'a' * 128}")]
    assert {_get(browser, "/open", unknown) for unknown in cookies} == {(200, "anonymous")}
    browser.sign_in()
    cookie = f"authjs.session-token={browser.cookie('authjs.session-token')}"
    headers = [header for unknown in cookies for header in (f"{unknown}; {cookie}", f"{cookie}; {unknown}")]
    assert {_get(browser, "/page", header) for header in headers} == {(200, "Hana Example, user")}


def test_templates_have_current_user_and_pages_without_it_stay_cacheable(app: Flask, browser: Browser) -> None:
    def draw(text: str) -> Callable[[], str]:
        return public(lambda: render_template_string(text))

    app.add_url_rule("/user", "user", draw("{{ current_user.name }}"))
    app.add_url_rule("/quiet", "quiet", draw("the same for all"))
    browser.sign_in()
    personal, quiet = browser.get("/user"), browser.get("/quiet")
    assert (personal.text, personal.headers["Cache-Control"]) == ("Hana Example", "private, no-store")
    assert "Cookie" not in quiet.headers.get("Vary", "")
    assert "Cache-Control" not in quiet.headers


def test_flasks_cookie_session_is_never_used(app: Flask, browser: Browser) -> None:
    assert app.secret_key is None
    browser.client.set_cookie("session", "eyJfdXNlcl9pZCI6IjEifQ.aaa.bbb", domain="127.0.0.1")
    assert browser.get("/open").text == "anonymous"
    browser.sign_in()
    responses = [browser.get(path) for path in ("/open", "/page", "/", "/dashboard", "/api/auth/session")]
    responses.append(browser.sign_out())
    assert not any(
        cookie.startswith("session=") for response in responses for cookie in response.headers.getlist("Set-Cookie")
    )


def test_public_pages_stay_cacheable_when_the_application_has_a_secret_key(app: Flask, browser: Browser) -> None:
    app.secret_key = "an application's own"
    browser.sign_in()
    for path in ("/static/css/app.css", "/about", "/health/live"):
        assert "Cookie" not in browser.get(path).headers.get("Vary", "")
    assert not any(cookie.startswith("session=") for cookie in browser.get("/page").headers.getlist("Set-Cookie"))


def test_init_app_refuses_login_disabled() -> None:
    app = Flask("careless")
    app.config["LOGIN_DISABLED"] = True
    with pytest.raises(ConfigurationError, match=r"LOGIN_DISABLED.*Remove it"):
        install(app, make_core(lambda: 0.0))


def test_login_disabled_set_later_does_not_open_private_pages(app: Flask, browser: Browser) -> None:
    app.config["LOGIN_DISABLED"] = True
    assert browser.get("/dashboard").status_code == 303
    assert browser.get("/api/user/profile").status_code == 401
