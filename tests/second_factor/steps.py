"""Steps of a user with a second factor: sign up, enrol, enter codes."""

from __future__ import annotations

import html
import re
import time

from flask import Flask
from werkzeug.test import TestResponse

from genkan.second_factor.totp import code_at
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.email.mails import link, mails

ADDRESS = "hana@example.com"
PASSWORD = "three green lanterns at noon"
SECOND = "http://127.0.0.1:5000/account/second"
ENROL = "http://127.0.0.1:5000/account/second/enrol"


class App:
    """The authenticator app of a user."""

    def __init__(self, secret: str, clock: FrozenClock) -> None:
        self.secret, self.clock = secret, clock

    def code(self, steps: int = 0) -> str:
        """Return the code that is shown now, or `steps` periods later."""
        return code_at(self.secret, int(self.clock()) // 30 + steps)

    def next_code(self) -> str:
        """Wait for the next code and return it."""
        self.clock.advance(30)
        return self.code()


def sign_up(browser: Browser, app: Flask, email: str = ADDRESS) -> TestResponse:
    """Sign up, and use the link of the mail in the same browser."""
    assert browser.submit("/account/sign-up", email=email, password=PASSWORD).status_code == 303
    return browser.get(link(mails(app)[0]))


def sign_in(browser: Browser, email: str = ADDRESS, **more: str) -> str:
    """Sign in with the password and return the location."""
    response = browser.submit(
        "/api/auth/callback/credentials", None, email=email, password=PASSWORD, callbackUrl="/dashboard", **more
    )
    return response.headers.get("Location", "")


def secret_in(page: str) -> str:
    """Return the secret of the link on the page for enrolling."""
    found = re.search(r'href="otpauth://totp/[^"?]+\?secret=([A-Z2-7]{32})&', html.unescape(page))
    assert found is not None
    return found[1]


def codes_in(page: str) -> list[str]:
    """Return the recovery codes on a page."""
    return re.findall(r"<code>([A-Z2-9]{5}-[A-Z2-9]{5})</code>", page)


def enrol(browser: Browser, clock: FrozenClock) -> tuple[App, list[str]]:
    """Turn the second factor on from the account page. Return the app and the recovery codes."""
    app = App(secret_in(browser.get("/account/totp").get_data(as_text=True)), clock)
    page = browser.submit("/account/totp", code=app.code())
    codes = codes_in(page.get_data(as_text=True))
    assert (page.status_code, len(codes)) == (200, 10)
    return app, codes


def enter(browser: Browser, code: str, **fields: str) -> TestResponse:
    """Enter a code on the page for the second factor."""
    return browser.submit("/account/second", None, code=code, **fields)


def use_second_factor(browser: Browser, other: Browser, account: str, email: str) -> None:
    """Let every page and the mail be rendered, for a signed-in user with this address. The clock is that of the system."""
    app = App(secret_in(browser.get(f"{account}/totp").text), FrozenClock(time.time()))
    assert browser.submit(f"{account}/totp", code=app.code()).status_code == 200
    assert browser.get(f"{account}/totp").status_code == 200
    other.submit("/api/auth/signin/email", email=email)
    other.get(link(mails(other.app)[0]))
    assert other.get(f"{account}/second").status_code == 200
