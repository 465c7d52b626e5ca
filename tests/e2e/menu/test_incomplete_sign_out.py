"""A sign-out while the database can't be written: the menu, or the page without JavaScript, says so and offers to try
again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from genkan.errors import AdapterError
from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import dispatch_visibility_change, menu, open_menu, press, wait_idle

INCOMPLETE = "You are signed out in this browser only"


@contextmanager
def unwritable(app: Flask) -> Iterator[None]:
    """Let no revocation be stored."""

    def fail(*_: object) -> None:
        raise AdapterError("full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.extensions["genkan"].core.sessions.store, "revoke_session", fail)
        yield


def session_cookie(window: BrowserWindow) -> list[str]:
    return [cookie["value"] for cookie in window.context.cookies() if cookie["name"] == "authjs.session-token"]


def try_again(page: Page) -> None:
    """Press the button and wait for the menu of the response, which may look like the one before."""
    menu(page).evaluate("menu => menu.setAttribute('data-before', '')")
    press(page, "Try again")
    expect(page.locator("#user-menu[data-before]")).to_have_count(0)


@pytest.mark.parametrize("path", ["/", "/dashboard"])
def test_the_menu_says_that_the_session_has_not_ended_and_tries_again(htmx_window: BrowserWindow, path: str) -> None:
    htmx_window.sign_in()
    (copied,) = session_cookie(htmx_window)
    page = htmx_window.open(path)
    with unwritable(htmx_window.app):
        open_menu(page)
        press(page, "Sign out")
        expect(menu(page, "unauthenticated")).to_contain_text(INCOMPLETE)
        assert session_cookie(htmx_window) == []
        if path == "/dashboard":
            expect(page.get_by_text("Only signed-in users")).to_have_count(0)
            expect(page.locator("#content")).to_be_empty()
        try_again(page)
        expect(menu(page, "unauthenticated")).to_contain_text(INCOMPLETE)

    other = htmx_window.app.test_client()
    other.set_cookie("authjs.session-token", copied, domain="127.0.0.1")
    assert other.get("/api/auth/session", base_url=htmx_window.origin).json is not None
    dispatch_visibility_change(page)
    wait_idle(page)
    try_again(page)
    expect(page.get_by_text(INCOMPLETE)).to_have_count(0)
    assert other.get("/api/auth/session", base_url=htmx_window.origin).json is None


def test_without_javascript_the_page_says_so_and_tries_again(open_window: OpenWindow) -> None:
    window = open_window(java_script_enabled=False)
    window.allow_errors()
    window.sign_in()
    page = window.open("/api/auth/signout")
    with unwritable(window.app):
        page.locator("main").get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading")).to_have_text("Signed out in this browser only")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading")).to_have_text("Signed out in this browser only")
    page.get_by_role("button", name="Try again").click()
    expect(page).to_have_url(f"{window.origin}/")
