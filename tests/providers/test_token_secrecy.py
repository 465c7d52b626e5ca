"""The session token is sent only in Set-Cookie, for every route, method and log level."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.routes import EVERY_WAY, routes

COOKIE = "authjs.session-token"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE")


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(**EVERY_WAY)


def _responses(browser: Browser) -> Iterator[TestResponse]:
    paths = sorted({route.path for route in routes(browser.app, "GET", "POST")} - {"/api/auth/signout"})
    for path in [*paths, "/nowhere", "/api/auth/error?error=Configuration", "/api/auth/signin?error=Callback"]:
        for method in METHODS:
            for headers in ({}, HTMX, {"Accept": "application/json", "X-Auth-Return-Redirect": "1"}):
                yield browser.client.open(path, method=method, base_url=browser.origin, headers=headers)


def _parts(token: str) -> set[str]:
    """Return the token and each of its encrypted parts."""
    return {token, *(part for part in token.split(".")[2:] if part)}


def test_no_body_header_or_log_line_contains_the_token(
    browser: Browser, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    browser.sign_in()
    secrets = _parts(browser.cookie(COOKIE) or "")
    with caplog.at_level(logging.DEBUG):
        for day in range(2):
            clock.advance(day * 86_400)
            for response in _responses(browser):
                secrets |= _parts(browser.cookie(COOKIE) or "")
                texts = [
                    response.text,
                    *(f"{name}: {value}" for name, value in response.headers if name != "Set-Cookie"),
                ]
                assert not any(secret in text for secret in secrets for text in texts), response.request.path
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert len(secrets) >= 8
    assert not any(secret in logged for secret in secrets)
    assert browser.session()


def test_the_token_is_not_sent_to_another_client(browser: Browser) -> None:
    browser.sign_in()
    token = browser.cookie(COOKIE) or ""
    other_client = Browser(browser.app)
    assert not any(token in str(response.headers) + response.text for response in _responses(other_client))


def test_an_invalid_token_is_neither_shown_nor_logged(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    browser.sign_in()
    invalid = (browser.cookie(COOKIE) or "")[:-4] + "AAAA"
    caplog.set_level(logging.DEBUG)
    for path in ("/", "/dashboard", "/api/auth/session", "/api/user/profile", "/partials/user-menu"):
        browser.client.set_cookie(COOKIE, invalid, domain="127.0.0.1")
        response = browser.get(path)
        assert invalid not in str(response.headers) + response.text
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert browser.session() is None
    assert not any(part in logged for part in _parts(invalid))
