"""A page from a generator asks for the session after its headers have gone, so they are decided before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask, Response, stream_template_string, stream_with_context
from flask.typing import ResponseReturnValue

from genkan import Genkan, auth, csrf_token, public
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp

SESSION, CSRF = "authjs.session-token", "authjs.csrf-token"


def lines() -> Iterator[str]:
    session = auth()
    yield session.user.name or "" if session else "nobody"


@pytest.fixture(name="browser")
def _browser(app: Flask) -> Browser:
    views: dict[str, Callable[[], ResponseReturnValue]] = {
        "template": lambda: stream_template_string("{{ auth().user.name if auth() }} {{ csrf_token() }}"),
        "generator": lambda: Response(stream_with_context(f"{csrf_token()} {line}" for line in lines())),
        "text": lambda: Response(stream_with_context(lines()), mimetype="text/plain"),
        "public": lambda: Response(iter(["for all"]), headers={"Cache-Control": "public, max-age=60"}),
    }
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, public(view))
    app.add_url_rule("/order", "order", public(lambda: "ordered"), methods=["POST"])
    return Browser(app)


@pytest.mark.parametrize("path", ["/template", "/generator"])
def test_a_form_in_the_body_can_be_sent(browser: Browser, path: str) -> None:
    page = browser.get(path)
    token = max(page.text.split(), key=len)

    assert page.headers["Cache-Control"] == "private, no-store"
    assert browser.post("/order", data={"csrfToken": token}).text == "ordered"


@pytest.mark.parametrize("path", ["/template", "/generator", "/text"])
def test_the_body_for_a_user_is_private(browser: Browser, path: str) -> None:
    browser.sign_in()
    browser.client.delete_cookie(CSRF, domain="127.0.0.1")
    page = browser.get(path)

    assert page.headers["Cache-Control"] == "private, no-store"
    assert "Cookie" in page.headers["Vary"]
    assert (browser.cookie(CSRF) is None) == (path == "/text")


def test_the_session_is_extended(make_app: MakeApp, clock: FrozenClock) -> None:
    app = make_app(AUTH_SESSION_UPDATE_AGE="60")
    app.add_url_rule("/page", "page", public(lambda: stream_template_string("{{ auth().user.name }}")))
    browser = Browser(app)
    browser.sign_in()
    before = browser.cookie(SESSION)
    clock.now += 61

    assert browser.get("/page").text == "Hana Example"
    assert browser.cookie(SESSION) not in (None, before)


def test_a_session_that_has_ended_is_deleted(browser: Browser) -> None:
    browser.sign_in()
    value = browser.cookie(SESSION)
    browser.sign_out()
    browser.client.set_cookie(SESSION, value or "", domain="127.0.0.1")

    assert browser.get("/template").headers["Cache-Control"] == "private, no-store"
    assert browser.cookie(SESSION) is None


def test_a_stream_that_says_public_is_so_for_visitors_without_a_session(app: Flask, browser: Browser) -> None:
    page = browser.get("/public")
    assert (page.headers["Cache-Control"], page.headers.getlist("Set-Cookie")) == ("public, max-age=60", [])
    assert app.test_client().get("/text", base_url=ORIGIN).headers.getlist("Set-Cookie") == []

    browser.sign_in()
    assert browser.get("/public").headers["Cache-Control"] == "private, no-store"


def test_an_error_page_of_werkzeug_sets_no_cookie(tmp_path: Path) -> None:
    app = Flask("plain", root_path=str(tmp_path), instance_path=str(tmp_path))
    app.testing = True
    Genkan(app, strict=True)
    client = app.test_client()
    client.get("/api/auth/session")
    response = client.get("/nothing")
    assert (response.status_code, response.headers.getlist("Set-Cookie")) == (404, [])
