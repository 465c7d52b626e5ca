"""An answer that was on its way while the session changed, and sets an older cookie afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from genkan import Genkan, JWTParams, Session, SessionParams
from tests.browser import Browser
from tests.extension.test_first_use import browser_of

COOKIE = "authjs.session-token"


@pytest.fixture(name="strategy", params=["jwt", "database"])
def _strategy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(name="browser")
def _browser(tmp_path: object, strategy: str) -> Browser:
    """Return a signed-in browser of an application that re-issues its cookie at every reading."""
    app, accounts = Flask("guest", root_path=str(tmp_path), instance_path=f"{tmp_path}/instance"), Genkan()
    app.testing = True

    @accounts.jwt
    def jwt(params: JWTParams) -> dict[str, Any]:
        if params.trigger == "update" and isinstance(params.session, dict):
            return {**params.token, "theme": params.session.get("theme")}
        return params.token

    @accounts.session
    def session(params: SessionParams) -> Session:
        return replace(params.session, extra={"theme": params.token.get("theme")})

    accounts.init_app(app, updatable_fields={"theme": str}, AUTH_SESSION_UPDATE_AGE="0", AUTH_SESSION_STRATEGY=strategy)
    browser = browser_of(app)
    browser.sign_in()
    return browser


def late_cookie(browser: Browser) -> str:
    """Return the session cookie of an answer that has not arrived yet."""
    client = browser.app.test_client(use_cookies=False)
    headers = {"Cookie": f"{COOKIE}={browser.cookie(COOKIE)}"}
    answer = client.get("/api/auth/session", base_url=browser.origin, headers=headers)
    return next(
        cookie.split(";")[0].partition("=")[2]
        for cookie in answer.headers.getlist("Set-Cookie")
        if cookie.startswith(COOKIE)
    )


def test_it_revives_no_session_that_was_signed_out(browser: Browser) -> None:
    cookie = late_cookie(browser)
    browser.sign_out()
    browser.client.set_cookie(COOKIE, cookie)
    assert browser.session() is None


def test_it_takes_back_an_update_only_if_the_claims_are_in_the_cookie(browser: Browser, strategy: str) -> None:
    cookie, data = late_cookie(browser), {"csrfToken": browser.csrf_token(), "data": {"theme": "dark"}}
    assert browser.post("/api/auth/session", json=data).status_code == 200
    assert (browser.session() or {})["theme"] == "dark"
    browser.client.set_cookie(COOKIE, cookie)
    assert (browser.session() or {})["theme"] == (None if strategy == "jwt" else "dark")
