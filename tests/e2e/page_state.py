"""Every page there is, in its states, and how to come to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.e2e.browser_window import BrowserWindow, open_menu, press

PROVIDERS = {
    f"AUTH_{name}": "for-show"
    for provider in ("GOOGLE", "GITHUB", "MICROSOFT_ENTRA_ID", "SLACK", "DISCORD", "OIDC")
    for name in (f"{provider}_ID", f"{provider}_SECRET")
} | {"AUTH_OIDC_ISSUER": "https://sso.example.com"}
"""The settings of a house with many buttons."""

HANA, SAM = "Hana Example", "Sam Sample"


def begin(page: Page) -> None:
    """From the sign-in page to the development provider."""
    press(page, "Sign in with Development")
    page.get_by_text("Who do you want to be?").wait_for()


def type_nonsense(page: Page) -> None:
    """From the sign-in page to what the development provider says to an impossible picture."""
    begin(page)
    page.get_by_label("E-mail").fill("not@x")
    page.get_by_label("picture").fill("ftp://x")
    press(page, "Continue")
    page.get_by_role("alert").wait_for()


def type_no_name(page: Page) -> None:
    """On the account page, to what it says to somebody who wants to be called nothing."""
    page.get_by_label("Display name").fill(" ")
    press(page, "Save")
    page.get_by_text("Please type a name.").wait_for()


@dataclass(frozen=True)
class PageState:
    """A page in one of its states; `prepare` brings it there."""

    path: str
    person: str | None = None
    prepare: Callable[[Page], None] | None = None

    def visit(self, window: BrowserWindow, page: Page) -> None:
        """Bring the page there."""
        window.sign_out()
        if self.person is not None:
            window.sign_in(self.person)
        page.goto(self.path)
        page.locator("#user-menu[data-status=loading]").wait_for(state="detached")
        if self.prepare is not None:
            self.prepare(page)


PLACES = {
    "front page": PageState("/"),
    "front page, signed in": PageState("/", HANA, open_menu),
    "how it works": PageState("/about"),
    "dashboard": PageState("/dashboard", HANA, open_menu),
    "dashboard with a broken picture": PageState("/dashboard", SAM),
    "account": PageState("/account", HANA, open_menu),
    "account after something was done": PageState("/account?notice=unlinked", HANA),
    "account of somebody without a name": PageState("/account", SAM, type_no_name),
    "before an account is deleted": PageState("/account/delete", HANA),
    "after an account was deleted": PageState("/?account=deleted"),
    "sign in": PageState("/api/auth/signin"),
    "sign in again": PageState("/api/auth/signin", HANA),
    "sign in after an error": PageState("/api/auth/signin?error=OAuthAccountNotLinked"),
    "sign out": PageState("/api/auth/signout", HANA),
    "sign-in error": PageState("/api/auth/error?error=Configuration&reason=unavailable"),
    "look into your mailbox": PageState("/api/auth/verify-request"),
    "not signed in, in a second window": PageState("/api/auth/signed-in"),
    "nothing here": PageState("/nowhere"),
    "the provider asks": PageState("/api/auth/signin", prepare=begin),
    "the provider complains": PageState("/api/auth/signin", prepare=type_nonsense),
    "the provider cannot go on": PageState("/development/authorize"),
    "the provider ends a session": PageState("/development/end-session"),
}
