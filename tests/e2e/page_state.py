"""All pages of the application in all their states, with the actions that lead there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.page_actions import open_menu, press

PROVIDERS = {
    f"AUTH_{name}": "for-show"
    for provider in ("GOOGLE", "GITHUB", "MICROSOFT_ENTRA_ID", "SLACK", "DISCORD", "OIDC")
    for name in (f"{provider}_ID", f"{provider}_SECRET")
} | {"AUTH_OIDC_ISSUER": "https://sso.example.com"}
"""Settings of an application with many providers."""

HANA, SAM = "Hana Example", "Sam Sample"


def open_provider(page: Page) -> None:
    """Go from the sign-in page to the development provider."""
    more = page.locator("summary", has_text="More")
    if more.count():
        more.click()
    press(page, "Sign in with Development")
    page.get_by_text("Who do you want to be?").wait_for()


def type_invalid_picture(page: Page) -> None:
    """Go from the sign-in page to the development provider's error for an invalid picture URL."""
    open_provider(page)
    page.get_by_label("E-mail").fill("not@x")
    page.get_by_label("picture").fill("ftp://x")
    press(page, "Continue")
    page.get_by_role("alert").wait_for()


def submit_empty_name(page: Page) -> None:
    """Submit an empty display name on the account page."""
    page.get_by_label("Display name").fill(" ")
    press(page, "Save")
    page.get_by_text("Please type a name.").wait_for()


@dataclass(frozen=True)
class PageState:
    """Page in one of its states. `prepare` brings a loaded page into the state."""

    path: str
    user: str | None = None
    prepare: Callable[[Page], None] | None = None

    def visit(self, window: BrowserWindow, page: Page) -> None:
        """Open the page in this state."""
        window.sign_out()
        if self.user is not None:
            window.sign_in(self.user)
        page.goto(self.path)
        page.locator("#user-menu[data-status=loading]").wait_for(state="detached")
        if self.prepare is not None:
            self.prepare(page)


PAGES = {
    "front page": PageState("/"),
    "front page, signed in": PageState("/", HANA, open_menu),
    "how it works": PageState("/about"),
    "dashboard": PageState("/dashboard", HANA, open_menu),
    "dashboard with a broken picture": PageState("/dashboard", SAM),
    "account": PageState("/account", HANA, open_menu),
    "account with a notice": PageState("/account?notice=unlinked", HANA),
    "account of a user without a name": PageState("/account", SAM, submit_empty_name),
    "confirmation before a deletion": PageState("/account/delete", HANA),
    "front page after a deletion": PageState("/?account=deleted"),
    "sign in": PageState("/api/auth/signin"),
    "sign in while signed in": PageState("/api/auth/signin", HANA),
    "sign in after an error": PageState("/api/auth/signin?error=OAuthAccountNotLinked"),
    "sign out": PageState("/api/auth/signout", HANA),
    "sign-in error": PageState("/api/auth/error?error=Configuration&reason=unavailable"),
    "verify request": PageState("/api/auth/verify-request"),
    "popup page without a session": PageState("/api/auth/signed-in"),
    "not found": PageState("/nowhere"),
    "development provider": PageState("/api/auth/signin", prepare=open_provider),
    "development provider with an error": PageState("/api/auth/signin", prepare=type_invalid_picture),
    "development provider without parameters": PageState("/development/authorize"),
    "end-session page of the development provider": PageState("/development/end-session"),
}
