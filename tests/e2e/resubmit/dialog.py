"""Actions on the dialog that a page opens when a request is refused for want of a session."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.page_actions import choose_user, press
from tests.e2e.resubmit.form_app import revoke_sessions

SAVE = "POST /form"
REFUSED_REQUEST = r"status of 40[13]|htmx:(afterRequest|sendAbort)"
"""Console messages of the browser for a refused request, and of htmx 2 for a request that a newer one replaces."""


def dialog(page: Page, title: str = "You have been signed out") -> Locator:
    return page.get_by_role("dialog", name=title)


def type_note(page: Page, note: str = "unsaved note") -> None:
    page.get_by_label("Note").fill(note)


def sign_in_again(page: Page, name: str = "Hana Example") -> None:
    """Sign in by the dialog's popup, which closes itself."""
    with page.expect_popup() as popup:
        press(page, "Sign in")
    with popup.value.expect_event("close"):
        choose_user(popup.value, name)


def submit_without_session(window: BrowserWindow, path: str = "/form") -> Page:
    """Open a page, submit its form after the session was revoked, and return the page with the open dialog."""
    page = window.open(path)
    type_note(page)
    revoke_sessions(window)
    press(page, "Save note")
    expect(dialog(page)).to_be_visible()
    return page
