"""A browser window of one person: opens pages, and writes down what the pages fetch and what goes wrong in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Route

from tests.browser import Browser

Release = Callable[..., None]

HTMX_2 = Path(__file__).parents[1] / "vendor" / "htmx-2.0.11.min.js"

PATIENCE = 10_000
"""Milliseconds after which something has failed to happen."""

REFUSED = r"status of 401"
"""What the browser prints when a private fragment is refused, as it has to be."""

FAILED_REQUEST = "Failed to load resource|HTTP error! status|Response Status Error Code|htmx:|Failed to fetch"
"""What browser and htmx print about an answer that a test made fail on purpose."""


ABORTED = r"^htmx:(afterRequest|sendAbort), "


class BrowserWindow:
    """Two windows share nothing; the pages within one share cookies and hear each other."""

    def __init__(self, chromium: Chromium, app: Flask, htmx: str = "4.0.1", **options: Any) -> None:
        self.app = app
        self.htmx = htmx
        self.origin: str = app.extensions["genkan"].core.origin
        self.requests: list[str] = []
        """`GET /path?query`, in order, of everything asked of the house."""
        self._complaints: list[str] = []
        # A page that is left while htmx 2 waits for an answer complains of that; htmx 4 does not.
        self._forgiven: list[str] = [ABORTED] if htmx == "2.0.11" else []
        self.context = self._watched(chromium.new_context(base_url=self.origin, **options))
        self.context.set_default_timeout(PATIENCE)
        if htmx == "2.0.11":
            self.answer("**/static/vendor/htmx-4.0.1.min.js*", body=HTMX_2.read_text(), content_type="text/javascript")

    def _watched(self, context: BrowserContext) -> BrowserContext:
        context.on("request", self._note)
        context.on("console", self._hear)
        context.on("weberror", lambda failure: self._complaints.append(f"uncaught: {failure.error}"))
        return context

    def _note(self, request: Request) -> None:
        if request.url.startswith(f"{self.origin}/"):
            self.requests.append(f"{request.method} {request.url.removeprefix(self.origin)}")
        else:
            self._complaints.append(f"left the house: {request.url}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._complaints.append(message.text)

    def forgive(self, pattern: str = FAILED_REQUEST) -> None:
        """Complaints that match are what this test is about."""
        self._forgiven.append(pattern)

    def complaints(self) -> list[str]:
        """Every CSP violation, console error, uncaught exception and foreign request that nobody forgave."""
        return [said for said in self._complaints if not any(re.search(known, said) for known in self._forgiven)]

    def sign_in(self, name: str = "Hana Example") -> None:
        """Become somebody, by the front door but without looking."""
        visitor = Browser(self.app)
        visitor.sign_in(name)
        cookie = self.app.extensions["genkan"].core.cookie_names.session
        value = visitor.cookie(cookie)
        assert value is not None
        self.context.add_cookies(
            [{"name": cookie, "value": value, "url": self.origin, "httpOnly": True, "sameSite": "Lax"}]
        )

    def sign_out(self) -> None:
        """Lose the session as if it had ended elsewhere: no page is told."""
        self.context.clear_cookies(name=self.app.extensions["genkan"].core.cookie_names.session)

    def open(self, path: str = "/") -> Page:
        """A new tab."""
        page = self.context.new_page()
        page.goto(path)
        return page

    def answer(self, address: str, **reply: Any) -> None:
        """From now on this address is answered so, and not by the house."""
        self.context.route(address, lambda route: route.fulfill(**reply))

    def hold(self, address: str) -> Release:
        """From now on requests for this address wait, until what is returned is called: then they go on, or fail."""
        waiting: list[Route] = []
        is_held = True

        def wait(route: Route) -> None:
            if is_held:
                waiting.append(route)
            else:
                route.fallback()

        def let_go(fail: bool = False) -> None:
            nonlocal is_held
            is_held = False
            while waiting:
                route = waiting.pop()
                (route.abort if fail else route.continue_)()

        self.context.route(address, wait)
        return let_go

    def asked(self, line: str) -> int:
        """How often exactly this was asked of the house."""
        return self.requests.count(line)


def menu(page: Page, status: str = "") -> Locator:
    """The user menu, in that status if one is named."""
    return page.locator(f"#user-menu[data-status={status}]" if status else "#user-menu")


def press(page: Page, name: str) -> None:
    """Click the button of that name."""
    page.get_by_role("button", name=name).click()


def pick(page: Page, name: str = "Hana Example") -> None:
    """From the sign-in page through the development provider, as this person."""
    press(page, "Sign in with")
    page.get_by_text("Who do you want to be?").wait_for()
    press(page, name)


def open_menu(page: Page) -> None:
    """Show "Dashboard" and "Sign out"."""
    page.locator("#user-menu summary").click()


def sign_out(page: Page) -> None:
    """By the menu, in whichever tab: one in the background draws no frames, so it could not be clicked."""
    page.bring_to_front()
    open_menu(page)
    press(page, "Sign out")


def change(page: Page) -> None:
    """Something on this page changed the session and says so."""
    page.evaluate("document.dispatchEvent(new CustomEvent('session-changed'))")


def wait_until(page: Page, condition: str, arg: object = None) -> None:
    """Returns when the JavaScript condition, which may name `arg`, holds.

    Playwright's own `wait_for_function` asks again by `eval`, which our pages forbid.
    """
    page.evaluate(
        f"""async (arg) => {{
            const end = performance.now() + {PATIENCE};
            while (!({condition})) {{
                if (performance.now() > end) throw new Error("it never came true");
                await new Promise((go) => setTimeout(go, 20));
            }}
        }}""",
        arg,
    )


def settle(page: Page) -> None:
    """Returns when what the page has begun by now is over: three times to the server and back, and nothing on its way."""
    for _ in range(3):
        wait_until(page, "(await fetch('/health/live').catch(() => {}), !document.querySelector('.htmx-request'))")


def load(page: Page, path: str) -> None:
    """Go there, and return when half a second has passed without a request."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
