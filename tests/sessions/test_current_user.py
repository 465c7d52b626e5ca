"""Flask-Login on top of `auth()`: `current_user`, `@login_required`, and none of its own habits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest
from flask import Blueprint, Flask, render_template_string
from flask_login import current_user, login_required

from genkan import json_blueprint, public
from genkan.errors import ConfigurationError
from genkan.extension import install
from genkan.web import flask_login as room
from tests.browser import HTMX, Browser
from tests.conftest import MakeApp
from tests.core import make_core, with_callbacks

REMEMBER_COOKIES = ("remember_token", room.UNUSED_COOKIE_NAME, "never", "sent", "session")


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    """Rooms that anybody may enter as far as the guard goes, and that Flask-Login keeps closed."""
    app = make_app()
    app.add_url_rule("/page", "page", view_func=public(login_required(_tell)))
    app.add_url_rule("/open", "open", view_func=public(_tell))
    json = json_blueprint(Blueprint("json", __name__))
    json.add_url_rule("/json", "page", public(login_required(_tell)))
    app.register_blueprint(json)
    return app


def _tell() -> str:
    return f"{current_user.name}, {current_user.role}" if current_user.is_authenticated else "nobody"


def _get(browser: Browser, path: str, cookie: str) -> tuple[int, str]:
    client = browser.app.test_client(use_cookies=False)
    answer = client.get(path, base_url=browser.origin, headers={"Cookie": cookie})
    return answer.status_code, answer.text


def _fail(_params: object) -> NoReturn:
    raise RuntimeError


def test_current_user_is_who_auth_says(app: Flask, browser: Browser) -> None:
    def tell() -> str:
        return f"{current_user.get_id()} {current_user.email} {current_user.image} {current_user.is_anonymous}"

    app.add_url_rule("/tell", view_func=public(tell))
    assert browser.get("/open").text == "nobody"
    browser.sign_in()
    user = (browser.session() or {})["user"]
    assert browser.get("/tell").text == f"{user['id']} {user['email']} {user['image']} False"
    assert browser.get("/page").text == "Hana Example, user"


def test_login_required_refuses_in_the_voice_of_whoever_asks(browser: Browser) -> None:
    page, fragment, program = browser.get("/page"), browser.get("/page", headers=HTMX), browser.get("/json")
    assert (page.status_code, page.headers["Location"]) == (303, "/api/auth/signin?callbackUrl=%2Fpage")
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (401, "/api/auth/signin?callbackUrl=%2Fdashboard")
    assert len(fragment.text) < 100
    assert (program.status_code, program.get_json()) == (401, {"error": "Unauthorized"})


def test_login_required_does_not_call_a_failure_a_refusal(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    house = app.extensions["genkan"]
    house.core.sessions.cache.clear()
    house.core = with_callbacks(house.core, jwt=_fail)
    for path, headers in (("/page", {}), ("/page", HTMX), ("/json", {})):
        assert browser.get(path, headers=headers).status_code == 503


@pytest.mark.parametrize("name", REMEMBER_COOKIES)
def test_a_stray_cookie_locks_nobody_out_and_lets_nobody_in(browser: Browser, name: str) -> None:
    strays = [f"{name}={value}" for value in ("1|aa", "junk", "", "|", f"1|{'a' * 128}")]
    assert {_get(browser, "/open", stray) for stray in strays} == {(200, "nobody")}
    browser.sign_in()
    cookie = f"authjs.session-token={browser.cookie('authjs.session-token')}"
    headers = [header for stray in strays for header in (f"{stray}; {cookie}", f"{cookie}; {stray}")]
    assert {_get(browser, "/page", header) for header in headers} == {(200, "Hana Example, user")}


def test_a_template_knows_current_user_and_a_page_that_does_not_ask_is_not_made_private(
    app: Flask, browser: Browser
) -> None:
    def draw(text: str) -> Callable[[], str]:
        return public(lambda: render_template_string(text))

    app.add_url_rule("/asks", "asks", draw("{{ current_user.name }}"))
    app.add_url_rule("/quiet", "quiet", draw("the same for all"))
    browser.sign_in()
    asks, quiet = browser.get("/asks"), browser.get("/quiet")
    assert (asks.text, asks.headers["Cache-Control"]) == ("Hana Example", "private, no-store")
    assert "Cookie" not in quiet.headers.get("Vary", "")
    assert "Cache-Control" not in quiet.headers


def test_flasks_own_cookie_session_is_never_opened(app: Flask, browser: Browser) -> None:
    assert app.secret_key is None
    browser.client.set_cookie("session", "eyJfdXNlcl9pZCI6IjEifQ.aaa.bbb", domain="127.0.0.1")
    assert browser.get("/open").text == "nobody"
    browser.sign_in()
    answers = [browser.get(path) for path in ("/open", "/page", "/", "/dashboard", "/api/auth/session")]
    answers.append(browser.sign_out())
    assert not any(
        cookie.startswith("session=") for answer in answers for cookie in answer.headers.getlist("Set-Cookie")
    )


def test_a_page_that_asks_nobody_is_for_all_even_where_the_application_has_a_cookie_session(
    app: Flask, browser: Browser
) -> None:
    app.secret_key = "an application's own"
    browser.sign_in()
    for path in ("/static/css/app.css", "/about", "/health/live"):
        assert "Cookie" not in browser.get(path).headers.get("Vary", "")
    assert not any(cookie.startswith("session=") for cookie in browser.get("/page").headers.getlist("Set-Cookie"))


def test_login_disabled_is_refused_before_anything_is_opened() -> None:
    app = Flask("careless")
    app.config["LOGIN_DISABLED"] = True
    with pytest.raises(ConfigurationError, match=r"LOGIN_DISABLED.*Remove it"):
        install(app, make_core(lambda: 0.0))


def test_login_disabled_after_the_start_does_not_open_what_is_private(app: Flask, browser: Browser) -> None:
    app.config["LOGIN_DISABLED"] = True
    assert browser.get("/dashboard").status_code == 303
    assert browser.get("/api/user/profile").status_code == 401
