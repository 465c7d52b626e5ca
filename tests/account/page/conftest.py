"""Browsers that are signed in, for the tests of the account page."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan.adapters.sessions import SessionRecord
from genkan.types import Account
from tests.browser import HTMX, Browser
from tests.conftest import MakeApp

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Version/17.0 Mobile/15E148 Safari/604.1"
)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"

FORM_AND_HTMX: list[dict[str, str]] = [{}, HTMX]
"""Request headers of a form without JavaScript, and of one sent by HTMX."""


def sign_in(app: Flask, name: str = "Hana Example", device: str = FIREFOX, address: str = "192.0.2.1") -> Browser:
    """Sign in from a new browser, with this User-Agent and IP address."""
    browser = Browser(app)
    browser.client.environ_base.update(HTTP_USER_AGENT=device, REMOTE_ADDR=address)
    browser.sign_in(name)
    return browser


def user_id(browser: Browser) -> str:
    """Return the id of the signed-in user."""
    return str((browser.session() or {})["user"]["id"])


def records(browser: Browser) -> list[SessionRecord]:
    """Return the active sessions of the signed-in user."""
    live: list[SessionRecord] = browser.core.sessions.store.list_active(user_id(browser), int(browser.core.clock()))
    return live


def sid(browser: Browser) -> str:
    """Return the id of this browser's session."""
    token = browser.cookie("authjs.session-token")
    return str(browser.core.sessions.sealer.open(token or "")["sid"])


def text(response: TestResponse) -> str:
    """Return the text of a page or fragment, without tags."""
    assert response.status_code == 200, response.status
    return " ".join(unescape(re.sub("<[^>]*>", " ", response.text)).split())


def link(browser: Browser, provider: str = "github", account: str = "hana-at-hub") -> None:
    """Link another account to the signed-in user."""
    browser.core.adapter.link_account(user_id(browser), Account(provider, account, "oauth"))


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_GITHUB_ID="for-show", AUTH_GITHUB_SECRET="for-show")


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    return sign_in(app)


@pytest.fixture(name="phone")
def _phone(app: Flask, hana: Browser) -> Browser:
    """Return a second browser with a session of the same user."""
    return sign_in(app, device=PHONE, address="2001:db8::7")


@pytest.fixture(name="alex")
def _alex(app: Flask) -> Browser:
    """Return a browser with a session of another user."""
    return sign_in(app, "Alex Admin", address="198.51.100.9")


@pytest.fixture(name="uma")
def _uma(app: Flask) -> Browser:
    """Return the browser of a user without a verified address, who can't sign in by mail."""
    return sign_in(app, "Uma Unverified")
