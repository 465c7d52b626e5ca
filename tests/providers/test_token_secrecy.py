"""The session token's value stays in Set-Cookie, whatever is asked, by whatever method, at whatever log level (T2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.routes import routes

COOKIE = "authjs.session-token"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE")


def _crawl(browser: Browser) -> Iterator[TestResponse]:
    paths = sorted({route.path for route in routes(browser.app, "GET", "POST")} - {"/api/auth/signout"})
    for path in [*paths, "/nowhere", "/api/auth/error?error=Configuration", "/api/auth/signin?error=Callback"]:
        for method in METHODS:
            for headers in ({}, HTMX, {"Accept": "application/json", "X-Auth-Return-Redirect": "1"}):
                yield browser.client.open(path, method=method, base_url=browser.origin, headers=headers)


def _parts(token: str) -> set[str]:
    """What would give the token away: it whole, and each of its sealed segments."""
    return {token, *(part for part in token.split(".")[2:] if part)}


def test_no_body_no_header_and_no_log_line_holds_the_token(
    browser: Browser, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    browser.sign_in()
    secrets = _parts(browser.cookie(COOKIE) or "")
    with caplog.at_level(logging.DEBUG):
        for turn in range(2):
            clock.advance(turn * 86_400)
            for answer in _crawl(browser):
                secrets |= _parts(browser.cookie(COOKIE) or "")
                said = [answer.text, *(f"{name}: {value}" for name, value in answer.headers if name != "Set-Cookie")]
                assert not any(secret in text for secret in secrets for text in said), answer.request.path
    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert len(secrets) >= 8
    assert not any(secret in told for secret in secrets)
    assert browser.session()


def test_the_token_of_a_browser_is_set_for_nobody_else(browser: Browser) -> None:
    browser.sign_in()
    token = browser.cookie(COOKIE) or ""
    stranger = Browser(browser.app)
    assert not any(token in str(answer.headers) + answer.text for answer in _crawl(stranger))


def test_a_bad_token_is_neither_shown_nor_logged(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    browser.sign_in()
    stolen = (browser.cookie(COOKIE) or "")[:-4] + "AAAA"
    caplog.set_level(logging.DEBUG)
    for path in ("/", "/dashboard", "/api/auth/session", "/api/user/profile", "/partials/user-menu"):
        browser.client.set_cookie(COOKIE, stolen, domain="127.0.0.1")
        answer = browser.get(path)
        assert f"{COOKIE}=; Max-Age=0" in str(answer.headers)
        assert stolen not in str(answer.headers) + answer.text
    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert told.count("session not believed") >= 5
    assert not any(part in told for part in _parts(stolen))
