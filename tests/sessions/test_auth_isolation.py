"""One visitor's answer is never another's: not between requests, contexts, threads or applications."""

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
PEOPLE = ("Hana Example", "Sam Sample")


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    app = make_app()
    app.add_url_rule("/who", view_func=public(_who))
    return app


@pytest.fixture(name="_hurried")
def _hurried() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


def _who() -> str:
    session = auth()
    known = current_user.name if current_user.is_authenticated else "nobody"
    return f"{session.user.name if session else 'nobody'}/{known}"


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


def test_requests_made_inside_an_open_application_context_do_not_leak_into_each_other(app: Flask) -> None:
    hana, kenji, nobody = _signed_in(app, PEOPLE[0]), _signed_in(app, PEOPLE[1]), Browser(app)
    with app.app_context():
        for _ in range(2):
            assert hana.get("/who").text == "Hana Example/Hana Example"
            assert nobody.get("/who").text == "nobody/nobody"
            assert kenji.get("/who").text == "Sam Sample/Sam Sample"
            assert nobody.get("/dashboard").status_code == 303


def test_requests_within_requests_each_know_their_own_visitor(app: Flask) -> None:
    cookies = [_cookie(_signed_in(app, name)) for name in PEOPLE]
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


@pytest.mark.usefixtures("_hurried")
def test_two_thousand_interleaved_requests_of_two_people_on_eight_threads_never_mix(app: Flask) -> None:
    cookies = [_cookie(_signed_in(app, name)) for name in PEOPLE]
    options = app.extensions["genkan"].core

    def ask(number: int) -> tuple[int, str]:
        if number % 50 == 0:
            options.memory.clear()
        person = number % 3
        return person, _ask(app, cookies[person] if person < 2 else "")

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(2000)))
    assert answers == {(0, "Hana Example/Hana Example"), (1, "Sam Sample/Sam Sample"), (2, "nobody/nobody")}


def test_a_thread_started_by_a_request_knows_its_visitor_only_where_it_is_given_the_request(app: Flask) -> None:
    cookie = _cookie(_signed_in(app, PEOPLE[0]))
    with app.test_request_context(headers={"Cookie": cookie}), ThreadPoolExecutor(1) as pool:
        assert pool.submit(copy_current_request_context(_who)).result() == "Hana Example/Hana Example"
        assert pool.submit(copy_context().run, _who).result() == "Hana Example/Hana Example"
        with pytest.raises(RuntimeError):
            pool.submit(_who).result()


def test_two_applications_with_different_secrets_do_not_know_each_others_visitors(
    make_app: MakeApp, app: Flask
) -> None:
    other = make_app(AUTH_SECRET="another-house-with-another-key-entirely")
    cookie = _cookie(_signed_in(app, PEOPLE[0]))
    other.add_url_rule("/who", view_func=public(_who))
    assert _ask(app, cookie) == "Hana Example/Hana Example"
    assert _ask(other, cookie) == "nobody/nobody"
    assert _ask(app, cookie) == "Hana Example/Hana Example"


def test_an_answer_is_worked_out_anew_for_every_request(app: Flask, clock: FrozenClock) -> None:
    hana = _signed_in(app, PEOPLE[0])
    assert hana.get("/who").text == "Hana Example/Hana Example"
    clock.advance(31 * 86_400)
    assert hana.get("/who").text == "nobody/nobody"


def test_a_view_that_signs_out_finds_nobody_from_there_on(app: Flask) -> None:
    def leave() -> str:
        before = auth() is not None
        sign_out()
        return f"{before} {auth() is not None}"

    app.add_url_rule("/leave", view_func=leave, methods=["POST"])
    hana = _signed_in(app, PEOPLE[0])
    assert hana.submit("/leave").text == "True False"
