"""Sign-ins on different devices, and the sections of the account page."""

from __future__ import annotations

import time

from flask import Flask
from playwright.sync_api import Locator, Page, expect

from genkan.types import Account
from tests.browser import Browser
from tests.e2e.browser_window import BrowserWindow

COOKIE = "authjs.session-token"

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Version/17.0 Mobile/15E148 Safari/604.1"
)


def sign_in_from(app: Flask, device: str = FIREFOX, name: str = "Hana Example") -> Browser:
    """Return a signed-in client with the device's User-Agent."""
    client = Browser(app)
    client.client.environ_base.update(HTTP_USER_AGENT=device, REMOTE_ADDR="192.0.2.1")
    client.sign_in(name)
    return client


def sign_in_on(window: BrowserWindow, device: str = FIREFOX) -> Browser:
    """Sign in with the device's User-Agent and give the window that session."""
    client = sign_in_from(window.app, device)
    set_session(window, client.cookie(COOKIE) or "")
    return client


def set_session(window: BrowserWindow, token: str) -> None:
    window.context.add_cookies(
        [{"name": COOKIE, "value": token, "url": window.origin, "httpOnly": True, "sameSite": "Lax"}]
    )


def age_authentication(window: BrowserWindow, client: Browser) -> None:
    """Give the window the client's session with an authentication of 1000 seconds ago."""
    claims = client.core.sessions.sealer.open(client.cookie(COOKIE) or "")
    set_session(window, client.core.sessions.sealer.seal({**claims, "auth_time": int(time.time()) - 1000}, 3600))


def link_github(client: Browser) -> None:
    id = (client.session() or {})["user"]["id"]
    client.core.adapter.link_account(id, Account("github", "hana", "oauth"))


def section(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title)


def sessions(page: Page) -> Locator:
    return section(page, "Where you are signed in")


def expect_notice(page: Page, text: str) -> None:
    """Assert that the notice is visible and has the focus, for screen readers and the keyboard."""
    expect(page.get_by_text(text)).to_be_visible()
    expect(page.get_by_text(text)).to_be_focused()


def revoke_phone_session(page: Page) -> None:
    sessions(page).get_by_role("button", name="End the session on Safari on iPhone").click()
