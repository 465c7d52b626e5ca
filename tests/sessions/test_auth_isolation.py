"""A session never leaks into another request, context, thread or application."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from flask import Flask, copy_current_request_context
from flask_login import current_user
from werkzeug.test import EnvironBuilder, run_wsgi_app

from genkan import auth, public, sign_out
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp

COOKIE = "authjs.session-token"
USERS = ("Hana Example", "Sam Sample")


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    app = make_app()
    app.add_url_rule("/who", view_func=public(_who))
    return app


@pytest.fixture(name="_frequent_thread_switches")
def _frequent_thread_switches() -> Iterator[None]:
    """Switch threads a thousand times as often as by default."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


def _who() -> str:
    session = auth()
    known = current_user.name if current_user.is_authenticated else "anonymous"
    return f"{session.user.name if session else 'anonymous'}/{known}"


def _signed_in(app: Flask, name: str) -> Browser:
    browser = Browser(app)
    browser.sign_in(name)
    return browser


def _cookie(browser: Browser) -> str:
    return f"{COOKIE}={browser.cookie(COOKIE)}"


def _ask(app: Flask, cookie: str) -> str:
    environ = EnvironBuilder("/who", ORIGIN).get_environ() | {"HTTP_COOKIE": cookie}
    body, status, _ = run_wsgi_app(app.wsgi_app, environ)
    assert status == "200 OK"
    return b"".join(body).decode()


def test_requests_inside_one_application_context_have_separate_sessions(app: Flask) -> None:
    hana, kenji, anonymous = _signed_in(app, USERS[0]), _signed_in(app, USERS[1]), Browser(app)
    with app.app_context():
        for _ in range(2):
            assert hana.get("/who").text == "Hana Example/Hana Example"
            assert anonymous.get("/who").text == "anonymous/anonymous"
            assert kenji.get("/who").text == "Sam Sample/Sam Sample"
            assert anonymous.get("/dashboard").status_code == 303


def test_nested_requests_have_separate_sessions(app: Flask) -> None:
    cookies = [_cookie(_signed_in(app, name)) for name in USERS]
    with app.test_request_context(headers={"Cookie": cookies[0]}):
        assert _who() == "Hana Example/Hana Example"
        assert _ask(app, cookies[1]) == "Sam Sample/Sam Sample"
        assert _who() == "Hana Example/Hana Example"
        with app.test_request_context(headers={"Cookie": cookies[1]}):
            session = auth()
            assert session
            assert session.user.name == "Sam Sample"
        session = auth()
        assert session
        assert session.user.name == "Hana Example"


@pytest.mark.usefixtures("_frequent_thread_switches")
def test_concurrent_requests_of_two_users_never_mix(app: Flask) -> None:
    cookies = [_cookie(_signed_in(app, name)) for name in USERS]
    options = app.extensions["genkan"].core

    def ask(number: int) -> tuple[int, str]:
        if number % 50 == 0:
            options.sessions.cache.clear()
        user = number % 3
        return user, _ask(app, cookies[user] if user < 2 else "")

    with ThreadPoolExecutor(8) as pool:
        responses = set(pool.map(ask, range(2000)))
    assert responses == {(0, "Hana Example/Hana Example"), (1, "Sam Sample/Sam Sample"), (2, "anonymous/anonymous")}


def test_a_thread_has_the_session_only_with_a_copied_request_context(app: Flask) -> None:
    cookie = _cookie(_signed_in(app, USERS[0]))
    with app.test_request_context(headers={"Cookie": cookie}), ThreadPoolExecutor(1) as pool:
        assert pool.submit(copy_current_request_context(_who)).result() == "Hana Example/Hana Example"
        assert pool.submit(copy_context().run, _who).result() == "Hana Example/Hana Example"
        with pytest.raises(RuntimeError):
            pool.submit(_who).result()


def test_applications_with_different_secrets_do_not_share_sessions(make_app: MakeApp, app: Flask) -> None:
    other = make_app(AUTH_SECRET="another-secret-of-another-application")
    cookie = _cookie(_signed_in(app, USERS[0]))
    other.add_url_rule("/who", view_func=public(_who))
    assert _ask(app, cookie) == "Hana Example/Hana Example"
    assert _ask(other, cookie) == "anonymous/anonymous"
    assert _ask(app, cookie) == "Hana Example/Hana Example"


def test_each_request_reads_the_session_anew(app: Flask, clock: FrozenClock) -> None:
    hana = _signed_in(app, USERS[0])
    assert hana.get("/who").text == "Hana Example/Hana Example"
    clock.advance(31 * 86_400)
    assert hana.get("/who").text == "anonymous/anonymous"


def test_auth_returns_none_after_the_view_signed_out(app: Flask) -> None:
    def leave() -> str:
        before = auth() is not None
        sign_out()
        return f"{before} {auth() is not None}"

    app.add_url_rule("/leave", view_func=leave, methods=["POST"])
    hana = _signed_in(app, USERS[0])
    assert hana.submit("/leave").text == "True False"
