"""Browser window with its own cookies. It records the requests and the errors of its pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Route

from tests.browser import Browser

Release = Callable[..., None]

HTMX_2 = Path(__file__).parents[1] / "vendor" / "htmx-2.0.11.min.js"

TIMEOUT = 20_000
"""Milliseconds. A page that does not reach the expected state in this time fails the test."""

UNAUTHORIZED = r"status of 401"
"""Console message of the browser for a private fragment that is requested without a session."""

FAILED_REQUEST = "Failed to load resource|HTTP error! status|Response Status Error Code|htmx:|Failed to fetch"
"""Console messages of the browser and of htmx for a request that a test makes fail on purpose."""

OUTSIDE_REQUEST = "request to another origin"
"""Start of the error for a request that leaves the application's origin."""

ABORTED = r"^htmx:(afterRequest|sendAbort), "


class BrowserWindow:
    """Window of one user. Two windows share no state. The pages of one window share cookies and a broadcast channel."""

    def __init__(self, chromium: Chromium, app: Flask, htmx: str = "4.0.1", **options: Any) -> None:
        self.app = app
        self.htmx = htmx
        self.origin: str = app.extensions["genkan"].core.origin
        self.requests: list[str] = []
        """Requests to the application in order, as `GET /path?query`."""
        self._errors: list[str] = []
        # htmx 2 reports an error when a page is left during a request. htmx 4 does not.
        self._allowed: list[str] = [ABORTED] if htmx == "2.0.11" else []
        self.context = self._watch(chromium.new_context(base_url=self.origin, **options))
        self.context.set_default_timeout(TIMEOUT)
        if htmx == "2.0.11":
            self.fulfill("**/static/vendor/htmx-4.0.1.min.js*", body=HTMX_2.read_text(), content_type="text/javascript")

    def _watch(self, context: BrowserContext) -> BrowserContext:
        context.on("request", self._record_request)
        context.on("console", self._record_message)
        context.on("weberror", lambda failure: self._errors.append(f"uncaught: {failure.error}"))
        return context

    def _record_request(self, request: Request) -> None:
        if request.url.startswith(f"{self.origin}/"):
            self.requests.append(f"{request.method} {request.url.removeprefix(self.origin)}")
        else:
            self._errors.append(f"{OUTSIDE_REQUEST}: {request.url}")

    def _record_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._errors.append(message.text)

    def allow_errors(self, pattern: str = FAILED_REQUEST) -> None:
        """Expect errors that match `pattern` in this test."""
        self._allowed.append(pattern)

    def errors(self) -> list[str]:
        """Return CSP violations, console errors, uncaught exceptions and outside requests that were not allowed."""
        return [error for error in self._errors if not any(re.search(pattern, error) for pattern in self._allowed)]

    def sign_in(self, name: str = "Hana Example") -> None:
        """Set the session cookie of a development user, without opening a page."""
        client = Browser(self.app)
        client.sign_in(name)
        cookie = self.app.extensions["genkan"].core.cookie_names.session
        value = client.cookie(cookie)
        assert value is not None
        self.context.add_cookies(
            [{"name": cookie, "value": value, "url": self.origin, "httpOnly": True, "sameSite": "Lax"}]
        )

    def sign_out(self) -> None:
        """Delete the session cookie, without an event on any page."""
        self.context.clear_cookies(name=self.app.extensions["genkan"].core.cookie_names.session)

    def open(self, path: str = "/") -> Page:
        """Open a new tab."""
        page = self.context.new_page()
        page.goto(path)
        return page

    def fulfill(self, url: str, **response: Any) -> None:
        """Answer requests for this URL pattern with a fixed response instead of the application's."""
        self.context.route(url, lambda route: route.fulfill(**response))

    def hold(self, url: str) -> Release:
        """Hold requests for this URL pattern. Return the function that continues them, or aborts them if `fail`."""
        waiting: list[Route] = []
        is_held = True

        def wait(route: Route) -> None:
            if is_held:
                waiting.append(route)
            else:
                route.fallback()

        def release(fail: bool = False) -> None:
            nonlocal is_held
            is_held = False
            while waiting:
                route = waiting.pop()
                (route.abort if fail else route.continue_)()

        self.context.route(url, wait)
        return release

    def count(self, line: str) -> int:
        """Return how many requests equal `line`, such as `GET /path`."""
        return self.requests.count(line)
