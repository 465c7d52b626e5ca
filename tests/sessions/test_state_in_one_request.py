"""The session of a request is the same in early hooks, views and signals, and its cookies are set once."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, Response, g, request

from genkan import auth, csrf_token, public, sign_out, signals, update
from genkan.crypto.sealer import Sealer
from tests.account.page.conftest import sign_in
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import Environment, MakeApp
from tests.core import with_callback

COOKIE = "authjs.session-token"
DAY = 86_400


def read_early() -> None:
    g.session, g.token = auth(), csrf_token()


def test_a_hook_before_the_access_check_makes_a_cacheable_page_private(app: Flask) -> None:
    app.before_request_funcs.setdefault(None, []).insert(0, read_early)
    response = Browser(app).get("/about")
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "authjs.csrf-token" in response.headers["Set-Cookie"]


def test_a_sign_in_revokes_the_session_that_the_jwt_callback_refused(app: Flask) -> None:
    browser, copy = Browser(app), Browser(app)
    browser.sign_in()
    copy.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "", domain="127.0.0.1")
    state = app.extensions["genkan"]
    core = state.core
    state.core = with_callback(core, jwt=lambda params: params.token if params.user else None)
    core.sessions.cache.clear()
    browser.sign_in("Sam Sample")
    state.core = core
    core.sessions.cache.clear()
    assert browser.session() is not None
    assert copy.session() is None


def test_a_sign_out_after_an_update_in_the_same_view_deletes_the_new_cookie(app: Flask) -> None:
    def leave() -> Response:
        update({"theme": "dark"})
        return sign_out()

    app.add_url_rule("/leave", view_func=public(leave), methods=["POST"])
    browser = Browser(app)
    browser.sign_in()
    browser.submit("/leave")
    assert browser.cookie(COOKIE) is None
    assert browser.session() is None


def test_an_update_sets_the_session_cookie_once_even_if_every_reading_extends_it(make_app: MakeApp) -> None:
    app = make_app(AUTH_SESSION_UPDATE_AGE="0")
    app.add_url_rule("/paint", view_func=public(lambda: {"updated": update({}) is not None}), methods=["POST"])
    browser = Browser(app)
    browser.sign_in()
    response = browser.submit("/paint")
    cookies = [cookie for cookie in response.headers.getlist("Set-Cookie") if cookie.startswith(COOKIE)]
    assert response.get_json() == {"updated": True}
    assert len(cookies) == 1


def test_an_after_request_function_may_answer_the_session_route_with_304(app: Flask) -> None:
    @app.after_request
    def compare(response: Response) -> Response:
        response.add_etag()
        response.make_conditional(request)
        return response

    browser = Browser(app)
    first = browser.get("/api/auth/session")
    second = browser.get("/api/auth/session", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, second.status_code, second.data) == (200, 304, b"")
    assert {"Content-Type", "Content-Length"} & set(second.headers.keys()) == set()
    assert second.headers["Cache-Control"] == first.headers["Cache-Control"]


def test_deleting_the_account_sends_no_signed_out_signal(app: Flask) -> None:
    received: list[Any] = []

    def receive(_app: object, **values: object) -> None:
        received.append(values)

    browser = sign_in(app)
    with signals.signed_out.connected_to(receive):
        browser.submit("/account/delete")
    assert (browser.cookie(COOKIE), received) == (None, [])


@pytest.mark.parametrize(("started", "is_valid"), [(-89 * DAY, True), (-91 * DAY, False)])
def test_without_session_start_the_absolute_limit_counts_from_auth_time(
    app: Flask, environment: Environment, clock: FrozenClock, started: int, is_valid: bool
) -> None:
    browser = Browser(app)
    claims = {"sub": "u", "name": "Hana", "auth_time": int(clock()) + started}
    token = Sealer((environment["AUTH_SECRET"],), COOKIE, clock).seal(claims, DAY)
    browser.client.set_cookie(COOKIE, token, domain="127.0.0.1")
    assert (browser.session() is not None) == is_valid
