"""`update()`: the application changes a session while it lasts, with either strategy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask, request

from genkan import auth, public, update
from genkan.callbacks import Callbacks, JWTParams, SessionParams
from genkan.types import Session, Token, str_claim
from tests.browser import Browser
from tests.clock import START, FrozenClock
from tests.conftest import MakeApp

COOKIE = "authjs.session-token"


def jwt(params: JWTParams) -> Token | None:
    if params.trigger == "update":
        theme = params.session["theme"] if isinstance(params.session, dict) else None
        if theme == "none":
            return None
        if theme == "broken":
            raise RuntimeError
        return {**params.token, "theme": theme, "sid": "another", "session_start": 1, "auth_time": START + 900}
    return params.token


def session(params: SessionParams) -> Session | None:
    return replace(params.session, extra={"theme": str_claim(params.token, "theme")})


@pytest.fixture(name="browser", params=["jwt", "database"])
def _browser(request: pytest.FixtureRequest, make_app: MakeApp) -> Browser:
    app = make_app(AUTH_SESSION_STRATEGY=request.param)
    house = app.extensions["genkan"]
    house.core = replace(house.core, callbacks=Callbacks(jwt=jwt, session=session), updatable={"theme": str})
    app.add_url_rule("/paint", view_func=public(paint), methods=["POST"])
    return Browser(app)


def paint() -> dict[str, object]:
    before = auth()
    try:
        said = update({"theme": request.form["theme"]})
    except RuntimeError:
        return {"failed": True, "now": _theme(auth())}
    return {"before": _theme(before), "said": _theme(said), "now": _theme(auth())}


def _theme(session: Session | None) -> object:
    return None if session is None else session.extra["theme"]


def test_what_it_says_is_what_auth_says_from_then_on(browser: Browser) -> None:
    browser.sign_in()
    answer = browser.submit("/paint", theme="dark")
    assert answer.get_json() == {"before": None, "said": "dark", "now": "dark"}
    assert "private" in answer.headers["Cache-Control"]
    browser.options.sessions.cache.clear()
    assert (browser.session() or {})["theme"] == "dark"


def test_it_keeps_the_sessions_name_and_times_whatever_the_callback_says(browser: Browser, clock: FrozenClock) -> None:
    browser.sign_in()
    (before,) = browser.options.sessions.store.list_live(int(START), 9)
    clock.advance(60)
    browser.submit("/paint", theme="dark")
    (after,) = browser.options.sessions.store.list_live(int(START), 9)
    assert after.id == before.id
    assert after.expires == before.expires + 60
    token = browser.options.sessions.strategy.open(browser.cookie(COOKIE) or "")
    assert (token["sid"], token["session_start"], token["auth_time"]) == (before.id, START, START)


def test_nobody_has_nothing_to_change(browser: Browser) -> None:
    answer = browser.submit("/paint", theme="dark")
    assert answer.get_json() == {"before": None, "said": None, "now": None}


def test_a_callback_that_fails_changes_nothing(browser: Browser) -> None:
    browser.sign_in()
    browser.submit("/paint", theme="dark")
    assert browser.submit("/paint", theme="broken").get_json() == {"failed": True, "now": "dark"}
    assert (browser.session() or {})["theme"] == "dark"


def test_a_callback_that_says_none_ends_the_session(browser: Browser) -> None:
    browser.sign_in()
    copy = Browser(browser.app)
    copy.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "", domain="127.0.0.1")
    assert browser.submit("/paint", theme="none").get_json() == {"before": None, "said": None, "now": None}
    assert browser.session() is None
    assert copy.session() is None


def test_a_client_does_the_same_within_its_list(browser: Browser) -> None:
    browser.sign_in()
    said = browser.post(
        "/api/auth/session", json={"csrfToken": browser.csrf_token(), "data": {"theme": "dark", "role": "owner"}}
    ).get_json()
    assert said["theme"] == "dark"
    token = browser.options.sessions.strategy.open(browser.cookie(COOKIE) or "")
    assert "role" not in token


def test_an_ended_session_is_not_changed_back_to_life(browser: Browser, app: Flask) -> None:
    """A copy of the cookie that was taken before, posted after the sign-out."""
    browser.sign_in()
    copy = Browser(browser.app)
    copy.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "", domain="127.0.0.1")
    token = copy.csrf_token()
    browser.sign_out()
    said = copy.post("/api/auth/session", json={"csrfToken": token, "data": {"theme": "dark"}})
    assert said.get_json() is None
    assert copy.session() is None
