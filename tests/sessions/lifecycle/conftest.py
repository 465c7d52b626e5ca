"""Fixtures for the lifecycle tests: an application with each session strategy, and a signed-in browser."""

from __future__ import annotations

import pytest
from flask import Flask

from genkan.adapters.sessions import SessionRecord
from genkan.session.sessions import CachedSession
from genkan.types import Token
from tests.browser import Browser
from tests.conftest import Environment, MakeApp

COOKIE = "authjs.session-token"
DAY = 86_400


@pytest.fixture(name="strategy", params=["jwt", "database"])
def _strategy(request: pytest.FixtureRequest, environment: Environment) -> str:
    environment["AUTH_SESSION_STRATEGY"] = request.param
    return str(request.param)


@pytest.fixture(name="app")
def _app(strategy: str, make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    browser = Browser(app)
    browser.sign_in()
    return browser


def copy_of(browser: Browser) -> Browser:
    """Return another browser with a copy of the session cookie."""
    copy = Browser(browser.app)
    copy.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "", domain="127.0.0.1")
    return copy


def records(browser: Browser) -> list[SessionRecord]:
    now = int(browser.core.clock())
    return list(browser.core.sessions.store.list_all_active(now, 100))


def sid(browser: Browser) -> str:
    """Return the id of this browser's session."""
    return str(token_of(browser)["sid"])


def token_of(browser: Browser) -> Token:
    """Return the claims of this browser's session."""
    known: CachedSession | None = browser.core.sessions.cache.get(browser.cookie(COOKIE) or "")
    assert known is not None
    return known.token
