"""Actions on a page of the application in a browser, and functions that wait for its state."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser_window import TIMEOUT

WATCH_SHIFTS = """
    window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (window.shift += value)))
        .observe({ type: "layout-shift", buffered: true });
"""
"""Script that adds up the layout shifts of a page in `window.shift`."""


def menu(page: Page, status: str = "") -> Locator:
    """Return the user menu, with this `data-status` if given."""
    return page.locator(f"#user-menu[data-status={status}]" if status else "#user-menu")


def expect_url(page: Page, pattern: str, timeout: float = TIMEOUT) -> None:
    """Expect that the page reaches this URL, in which `*` stands for any characters, and loads it.

    Two parts of a page may lead there at once. Then the browser aborts the first navigation, and `wait_for_url` fails.
    """
    expect(page).to_have_url(re.compile(re.escape(pattern).replace(r"\*", ".*") + "$"), timeout=timeout)
    page.wait_for_load_state(timeout=timeout)


def press(page: Page, name: str) -> None:
    """Click the button of that name."""
    page.get_by_role("button", name=name).click()


def choose_user(page: Page, name: str = "Hana Example") -> None:
    """Sign in from the sign-in page, as this user of the development provider."""
    press(page, "Sign in with")
    page.get_by_text("Who do you want to be?").wait_for()
    press(page, name)


def open_menu(page: Page) -> None:
    """Open the popup of the user menu."""
    page.locator("#user-menu summary").click()


def sign_out(page: Page) -> None:
    """Sign out by the user menu. A tab in the background draws no frames, so the tab comes to the front first."""
    page.bring_to_front()
    open_menu(page)
    press(page, "Sign out")


def dispatch_session_changed(page: Page) -> None:
    """Dispatch the event that announces a changed session."""
    page.evaluate("document.dispatchEvent(new CustomEvent('session-changed'))")


def dispatch_visibility_change(page: Page) -> None:
    """Dispatch the event of a tab that becomes visible. Tabs of a headless browser are always visible."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def resize(page: Page, width: int) -> None:
    """Set the width of the viewport in CSS pixels."""
    page.set_viewport_size({"width": width, "height": 800})


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, and assert that its focus outline is visible."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
            return
    raise AssertionError(f"Tab does not reach {target}")


def wait_until(page: Page, condition: str, arg: object = None) -> None:
    """Wait until the JavaScript condition holds. The condition may use `arg`.

    Playwright's own `wait_for_function` uses `eval`, which the Content-Security-Policy of these pages forbids.
    """
    page.evaluate(
        f"""async (arg) => {{
            const end = performance.now() + {TIMEOUT};
            while (!({condition})) {{
                if (performance.now() > end) throw new Error("the condition did not become true");
                await new Promise((resolve) => setTimeout(resolve, 20));
            }}
        }}""",
        arg,
    )


def wait_idle(page: Page) -> None:
    """Wait until the page has no htmx request under way, three times with a round trip to the server before each."""
    for _ in range(3):
        wait_until(page, "(await fetch('/health/live').catch(() => {}), !document.querySelector('.htmx-request'))")


def load(page: Page, path: str) -> None:
    """Open the path and wait until no request was sent for half a second."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
