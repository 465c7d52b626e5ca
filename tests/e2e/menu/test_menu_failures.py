"""User menu in a browser while the server is slow, fails, cannot be reached or has revoked the session."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.page_actions import dispatch_session_changed, expect_url, menu, open_menu, press, wait_idle

MENU = "**/partials/user-menu"
SIGN_OUT = "**/api/auth/signout"


def fail(window: BrowserWindow, url: str, status: int) -> None:
    """Answer requests for this URL pattern with the status, or abort them if it is 0."""
    window.allow_errors()
    window.context.route(url, lambda route: route.fulfill(status=status, body="broken") if status else route.abort())


@pytest.mark.parametrize("status", [0, 500, 503])
def test_a_failed_refresh_keeps_the_menu_until_the_next_one_succeeds(htmx_window: BrowserWindow, status: int) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/")
    fail(htmx_window, MENU, status)
    dispatch_session_changed(page)
    wait_idle(page)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    expect(page.get_by_text("broken")).to_have_count(0)

    htmx_window.context.unroute(MENU)
    htmx_window.sign_out()
    dispatch_session_changed(page)
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


def test_a_slow_refresh_that_fails_shows_the_menu_again(htmx_window: BrowserWindow) -> None:
    htmx_window.allow_errors()
    htmx_window.sign_in()
    page = htmx_window.open("/")
    release = htmx_window.hold(MENU)
    dispatch_session_changed(page)
    expect(menu(page, "loading")).to_be_visible()
    release(fail=True)

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")


def test_a_page_refreshes_the_menu_when_it_is_online_again(htmx_window: BrowserWindow) -> None:
    htmx_window.allow_errors("ERR_INTERNET_DISCONNECTED|Failed to fetch|htmx:")
    htmx_window.sign_in()
    page = htmx_window.open("/")
    htmx_window.context.set_offline(True)
    with page.expect_event("requestfailed"):
        dispatch_session_changed(page)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")

    htmx_window.sign_out()
    htmx_window.context.set_offline(False)
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


@pytest.mark.parametrize("status", [0, 503])
def test_a_failed_sign_out_is_announced_and_can_be_repeated(htmx_window: BrowserWindow, status: int) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/")
    fail(htmx_window, SIGN_OUT, status)
    open_menu(page)
    press(page, "Sign out")
    expect(page.get_by_role("status")).to_have_text("That did not work. Please try again.")
    wait_idle(page)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")

    htmx_window.context.unroute(SIGN_OUT)
    press(page, "Sign out")
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


@pytest.mark.parametrize("first", ["refresh", "sign-out"])
def test_a_sign_out_wins_over_a_pending_refresh(htmx_window: BrowserWindow, first: str) -> None:
    htmx_window.allow_errors("htmx:")  # htmx 2 prints an error for an aborted request
    htmx_window.sign_in()
    page = htmx_window.open("/")
    open_menu(page)
    release_refresh, release_sign_out = htmx_window.hold(MENU), htmx_window.hold(SIGN_OUT)
    page.evaluate("window.shown = document.getElementById('user-menu')")
    dispatch_session_changed(page)
    press(page, "Sign out")
    if first == "refresh":
        release_refresh()
        page.evaluate("fetch('/health/live')")
        assert page.evaluate("shown === document.getElementById('user-menu')")  # the outdated response is ignored
    release_sign_out()
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    release_refresh()
    wait_idle(page)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


def test_a_menu_that_failed_to_load_is_loaded_by_the_next_refresh(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    fail(htmx_window, MENU, 503)
    page = htmx_window.open("/about")
    wait_idle(page)
    expect(menu(page, "loading")).to_have_count(1)

    htmx_window.context.unroute(MENU)
    dispatch_session_changed(page)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")


def test_a_fragment_without_a_session_redirects_the_page_to_sign_in(htmx_window: BrowserWindow) -> None:
    htmx_window.allow_errors()
    htmx_window.sign_in()
    page = htmx_window.open("/")
    page.goto("/dashboard?tab=2")
    entries = page.evaluate("history.length")
    htmx_window.sign_out()
    dispatch_session_changed(page)

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fdashboard%3Ftab%3D2")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.locator("#session-card")).to_have_count(0)
    assert page.evaluate("history.length") == entries  # the private page is replaced in the history


@pytest.mark.parametrize("status", [0, 413, 500, 503])
def test_a_failed_form_is_announced_and_keeps_its_input(htmx_window: BrowserWindow, status: int) -> None:
    htmx_window.allow_errors()
    htmx_window.sign_in()
    page = htmx_window.open("/account")
    fail(htmx_window, "**/account/name", status)
    page.get_by_label("Display name").fill("Hana Renamed")
    press(page, "Save")

    expect(page.get_by_role("status")).to_have_text("That did not work. Please try again.")
    expect(page.get_by_label("Display name")).to_have_value("Hana Renamed")


def test_a_failed_refresh_is_announced_when_the_user_requested_it(htmx_window: BrowserWindow) -> None:
    htmx_window.allow_errors()
    htmx_window.sign_in()
    page = htmx_window.open("/dashboard")
    fail(htmx_window, "**/partials/session", 503)
    page.get_by_role("link", name="Refresh").click()

    expect(page.get_by_role("status")).to_have_text("That did not work. Please try again.")


def test_a_failed_background_refresh_is_not_announced(htmx_window: BrowserWindow) -> None:
    htmx_window.allow_errors()
    htmx_window.sign_in()
    page = htmx_window.open("/dashboard")
    fail(htmx_window, "**/partials/session", 503)
    dispatch_session_changed(page)
    wait_idle(page)

    expect(page.get_by_role("status")).to_have_text("")
