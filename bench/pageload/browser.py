"""One load of a page in a browser with an empty cache: times, requests and bytes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, sync_playwright

MENU = "#user-menu summary"
"""Selector of the menu of a signed-in user. All pages have it."""
SETTLING = 500
"""Milliseconds after the load event in which further requests are counted."""
TIMEOUT = 30_000

OBSERVE = f"""
const seen = () => {{
    if (window.menuTime === undefined && document.querySelector("{MENU}")) window.menuTime = performance.now();
}};
new MutationObserver(seen).observe(document, {{ childList: true, subtree: true }});
"""


@dataclass(frozen=True)
class Condition:
    """Connection and processor. `bits` a second of 0: not limited."""

    name: str
    bits: int = 0
    latency: int = 0
    """Milliseconds of a round trip."""
    slowdown: int = 1
    """How many times slower the processor is."""

    def apply(self, session: CDPSession) -> None:
        """Set the conditions in a page that is about to load."""
        if self.bits:
            throughput = {"downloadThroughput": self.bits / 8, "uploadThroughput": self.bits / 8}
            session.send("Network.emulateNetworkConditions", {"offline": False, "latency": self.latency, **throughput})
        session.send("Emulation.setCPUThrottlingRate", {"rate": self.slowdown})


FAST = Condition("fast")
SLOW = Condition("1.6 Mbit/s, 150 ms, a processor four times slower", 1_600_000, 150, 4)


@dataclass(frozen=True)
class Load:
    """Milliseconds until the menu was in the document and until the load event, and the bytes of each path."""

    menu: float
    load: float
    bytes: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """Return the bytes of all responses, with their headers."""
        return sum(size for _, size in self.bytes)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium."""
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        sys.exit("genkan: Chromium is missing. On Debian: apt install chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def load(browser: Browser, url: str, cookie: str, condition: Condition, start: str) -> Load:
    """Load the page with these cookies in a new window, whose cache is empty.

    The window shows `start` before, a page of another site, as for a visitor who follows a link. So every page gets a
    new process. From an empty window only a page with Cross-Origin-Opener-Policy would, which takes 30 ms.
    """
    context = browser.new_context()
    try:
        context.set_default_timeout(TIMEOUT)
        context.add_cookies([_cookie(pair, url) for pair in cookie.split("; ") if pair])
        page = context.new_page()
        page.goto(start)
        page.add_init_script(OBSERVE)
        session = context.new_cdp_session(page)
        urls, sizes = _record(session)
        condition.apply(session)
        page.goto(url, wait_until="load")
        page.wait_for_selector(MENU, state="attached")
        page.wait_for_timeout(SETTLING)
        menu, loaded = page.evaluate("[window.menuTime, performance.getEntriesByType('navigation')[0].loadEventStart]")
        return Load(menu, loaded, tuple((urlsplit(urls[number]).path, size) for number, size in sizes.items()))
    finally:
        context.close()


def _cookie(pair: str, url: str) -> Any:
    name, _, value = pair.partition("=")
    return {"name": name, "value": value, "url": url}


def _record(session: CDPSession) -> tuple[dict[str, str], dict[str, int]]:
    """Return the URL and the received bytes, headers included, of each request. Both are filled while the page loads."""
    urls: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def sent(event: dict[str, Any]) -> None:
        urls[event["requestId"]] = event["request"]["url"]

    def finished(event: dict[str, Any]) -> None:
        # An image in a data: URL is no request.
        if urls.get(event["requestId"], "").startswith("http"):
            sizes[event["requestId"]] = int(event["encodedDataLength"])

    session.on("Network.requestWillBeSent", sent)
    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    return urls, sizes
