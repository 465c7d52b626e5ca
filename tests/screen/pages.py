"""Every page there is, in its states, and how to come to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.screen.window import Window, open_menu, press

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
class Place:
    """A page in one of its states; `prepare` brings it there."""

    path: str
    person: str | None = None
    prepare: Callable[[Page], None] | None = None

    def visit(self, window: Window, page: Page) -> None:
        """Bring the page there."""
        window.sign_out()
        if self.person is not None:
            window.sign_in(self.person)
        page.goto(self.path)
        page.locator("#user-menu[data-status=loading]").wait_for(state="detached")
        if self.prepare is not None:
            self.prepare(page)


PLACES = {
    "front page": Place("/"),
    "front page, signed in": Place("/", HANA, open_menu),
    "how it works": Place("/about"),
    "dashboard": Place("/dashboard", HANA, open_menu),
    "dashboard with a broken picture": Place("/dashboard", SAM),
    "account": Place("/account", HANA, open_menu),
    "account after something was done": Place("/account?said=unlinked", HANA),
    "account of somebody without a name": Place("/account", SAM, type_no_name),
    "before an account is deleted": Place("/account/delete", HANA),
    "after an account was deleted": Place("/?account=deleted"),
    "sign in": Place("/api/auth/signin"),
    "sign in again": Place("/api/auth/signin", HANA),
    "sign in after an error": Place("/api/auth/signin?error=OAuthAccountNotLinked"),
    "sign out": Place("/api/auth/signout", HANA),
    "sign-in error": Place("/api/auth/error?error=Configuration&reason=unavailable"),
    "look into your mailbox": Place("/api/auth/verify-request"),
    "not signed in, in a second window": Place("/api/auth/signed-in"),
    "nothing here": Place("/nowhere"),
    "the provider asks": Place("/api/auth/signin", prepare=begin),
    "the provider complains": Place("/api/auth/signin", prepare=type_nonsense),
    "the provider cannot go on": Place("/development/authorize"),
    "the provider ends a session": Place("/development/end-session"),
}
