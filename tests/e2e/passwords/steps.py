"""Steps of a person with an address and a password, in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask
from playwright.sync_api import Locator, Page

from genkan.adapters import NO_PROFILE
from genkan.types import User
from tests.browser import Browser
from tests.e2e.browser_window import BrowserWindow
from tests.email.mails import code, link, mails

PASSWORD = "three green lanterns at noon"
OTHER = "seven quiet rivers under snow"
LONG_ADDRESS = f"{'x' * 64}@{'.'.join(['d' * 60] * 3)}.ex.com"
"""An address of 254 characters."""


@dataclass(frozen=True)
class Person:
    """A person with this address."""

    app: Flask
    email: str

    def create(self) -> Person:
        """Store a user with the address and the password."""
        core = self.app.extensions["genkan"].core
        user = User("", email=self.email, email_verified=datetime.now(UTC))
        core.email.stores.addresses.prove(user, NO_PROFILE, password=core.passwords.hasher.hash(PASSWORD))
        return self

    def sign_in(self, window: BrowserWindow) -> None:
        """Set the session cookie of the person, who signs in by password without a page."""
        client = Browser(self.app)
        client.submit("/api/auth/callback/credentials", email=self.email, password=PASSWORD)
        name = self.app.extensions["genkan"].core.cookie_names.session
        value = client.cookie(name)
        assert value is not None
        window.context.add_cookies(
            [{"name": name, "value": value, "url": window.origin, "httpOnly": True, "sameSite": "Lax"}]
        )

    def link(self, subject: str = "") -> str:
        """Return the link of the latest mail to the address, with this in its subject."""
        return link(next(mail for mail in mails(self.app) if mail.to == self.email and subject in mail.subject))

    def code(self) -> str:
        """Return the code of the latest mail to the address."""
        return code(next(mail for mail in mails(self.app) if mail.to == self.email))


def address(page: Page) -> Locator:
    """Return the field for the address."""
    return page.get_by_label("E-mail address")


def password(page: Page, label: str = "Password") -> Locator:
    """Return the field for a password, without the button beside it."""
    return page.get_by_role("main").locator("input").and_(page.get_by_label(label, exact=True))
