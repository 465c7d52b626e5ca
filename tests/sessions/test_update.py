"""`update()` and `POST /api/auth/session` change the session data, with both strategies."""

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
from tests.core import with_callbacks

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
    state = app.extensions["genkan"]
    state.core = replace(
        with_callbacks(state.core, Callbacks(jwt=jwt, session=session)), updatable_fields={"theme": str}
    )
    app.add_url_rule("/paint", view_func=public(paint), methods=["POST"])
    return Browser(app)


def paint() -> dict[str, object]:
    before = auth()
    try:
        updated = update({"theme": request.form["theme"]})
    except RuntimeError:
        return {"failed": True, "now": _theme(auth())}
    return {"before": _theme(before), "updated": _theme(updated), "now": _theme(auth())}


def _theme(session: Session | None) -> object:
    return None if session is None else session.extra["theme"]


def test_updated_data_is_in_every_later_session(browser: Browser) -> None:
    browser.sign_in()
    response = browser.submit("/paint", theme="dark")
    assert response.get_json() == {"before": None, "updated": "dark", "now": "dark"}
    assert "private" in response.headers["Cache-Control"]
    browser.core.sessions.cache.clear()
    assert (browser.session() or {})["theme"] == "dark"


def test_an_update_keeps_the_session_id_and_its_times(browser: Browser, clock: FrozenClock) -> None:
    browser.sign_in()
    (before,) = browser.core.sessions.store.list_all_active(int(START), 9)
    clock.advance(60)
    browser.submit("/paint", theme="dark")
    (after,) = browser.core.sessions.store.list_all_active(int(START), 9)
    assert after.id == before.id
    assert after.expires == before.expires + 60
    token = browser.core.sessions.strategy.decode(browser.cookie(COOKIE) or "")
    assert (token["sid"], token["session_start"], token["auth_time"]) == (before.id, START, START)


def test_an_update_without_a_session_returns_none(browser: Browser) -> None:
    response = browser.submit("/paint", theme="dark")
    assert response.get_json() == {"before": None, "updated": None, "now": None}


def test_a_failing_callback_changes_nothing(browser: Browser) -> None:
    browser.sign_in()
    browser.submit("/paint", theme="dark")
    assert browser.submit("/paint", theme="broken").get_json() == {"failed": True, "now": "dark"}
    assert (browser.session() or {})["theme"] == "dark"


def test_a_jwt_callback_that_returns_none_revokes_the_session(browser: Browser) -> None:
    browser.sign_in()
    copy = Browser(browser.app)
    copy.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "", domain="127.0.0.1")
    assert browser.submit("/paint", theme="none").get_json() == {"before": None, "updated": None, "now": None}
    assert browser.session() is None
    assert copy.session() is None


def test_a_client_can_update_the_listed_fields_only(browser: Browser) -> None:
    browser.sign_in()
    session = browser.post(
        "/api/auth/session", json={"csrfToken": browser.csrf_token(), "data": {"theme": "dark", "role": "owner"}}
    ).get_json()
    assert session["theme"] == "dark"
    token = browser.core.sessions.strategy.decode(browser.cookie(COOKIE) or "")
    assert "role" not in token


def test_a_revoked_session_cannot_be_updated(browser: Browser, app: Flask) -> None:
    """Post a copy of the cookie after the sign-out."""
    browser.sign_in()
    copy = Browser(browser.app)
    copy.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "", domain="127.0.0.1")
    token = copy.csrf_token()
    browser.sign_out()
    response = copy.post("/api/auth/session", json={"csrfToken": token, "data": {"theme": "dark"}})
    assert response.get_json() is None
    assert copy.session() is None
