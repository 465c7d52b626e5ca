"""Synchronisation of several tabs of one browser by Auth.js's broadcast channel."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import FAILED_REQUEST, UNAUTHORIZED, BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import (
    choose_user,
    dispatch_visibility_change,
    expect_url,
    menu,
    sign_out,
    wait_idle,
    wait_until,
)

SYNC_TIMEOUT = 2000
"""Milliseconds. Another tab must show a change in this time."""

MENU = "GET /partials/user-menu"
MENU_URL = "**/partials/user-menu"


def record_messages(page: Page) -> None:
    """Record the broadcasts of other tabs in `messages`."""
    page.evaluate(
        """() => {
            window.messages = [];
            window.channel = new BroadcastChannel("next-auth");
            channel.onmessage = ({ data }) => messages.push(data);
        }"""
    )


def dispatch_page_transitions(page: Page, *events: str) -> None:
    """Dispatch the events of the back/forward cache, which Playwright's Chromium does not have."""
    for event in events:
        page.evaluate("(name) => dispatchEvent(new PageTransitionEvent(name, { persisted: true }))", event)


def test_signing_out_in_one_tab_reaches_the_others_within_two_seconds(htmx_window: BrowserWindow) -> None:
    htmx_window.allow_errors(UNAUTHORIZED)
    htmx_window.sign_in()
    home, about, private = htmx_window.open("/"), htmx_window.open("/about"), htmx_window.open("/dashboard")
    expect(menu(about, "authenticated")).to_be_visible()
    here = htmx_window.open("/")
    sign_out(here)
    expect(menu(here, "unauthenticated")).to_be_visible()

    for other in (home, about):
        expect(menu(other, "unauthenticated")).to_be_visible(timeout=SYNC_TIMEOUT)
    expect(home.locator("#welcome")).to_contain_text("You are not signed in yet", timeout=SYNC_TIMEOUT)
    expect_url(private, "**/api/auth/signin?callbackUrl=%2Fdashboard", timeout=SYNC_TIMEOUT)


def test_signing_in_in_one_tab_reaches_the_others_within_two_seconds(htmx_window: BrowserWindow) -> None:
    home, sign_in_page = htmx_window.open("/"), htmx_window.open("/api/auth/signin?callbackUrl=%2Fdashboard")
    here = htmx_window.open("/dashboard")
    choose_user(here)
    expect(menu(here, "authenticated")).to_be_visible()

    expect(menu(home, "authenticated")).to_contain_text("Hi, Hana Example", timeout=SYNC_TIMEOUT)
    expect(home.locator("#welcome")).to_contain_text("You are signed in as Hana Example", timeout=SYNC_TIMEOUT)
    expect(sign_in_page.get_by_text("You are signed in as Hana Example")).to_be_visible(timeout=SYNC_TIMEOUT)


def test_signing_in_as_another_user_reloads_private_pages(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    private = htmx_window.open("/dashboard")
    htmx_window.sign_in("Alex Admin")
    htmx_window.open("/")

    expect(private.get_by_role("heading", level=1)).to_have_text("Welcome, Alex Admin", timeout=SYNC_TIMEOUT)


def test_a_sign_out_is_broadcast_once_in_the_format_of_authjs(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    listener, here = htmx_window.open("/health/live"), htmx_window.open("/")
    record_messages(listener)
    sign_out(here)
    expect(menu(here, "unauthenticated")).to_be_visible()
    wait_until(listener, "messages.length")
    wait_idle(here)

    assert listener.evaluate("messages") == [{"event": "session", "data": {"trigger": "signout"}}]


def test_a_broadcast_is_not_repeated_by_its_receivers(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    first, second, listener = htmx_window.open("/"), htmx_window.open("/"), htmx_window.open("/health/live")
    record_messages(listener)
    htmx_window.sign_out()
    listener.evaluate(
        "new BroadcastChannel('next-auth').postMessage({ event: 'session', data: { trigger: 'getSession' } })"
    )
    for page in (first, second):
        expect(menu(page, "unauthenticated")).to_be_visible(timeout=SYNC_TIMEOUT)
        wait_idle(page)

    assert len(listener.evaluate("messages")) == 1
    assert htmx_window.count(MENU) == 2


def test_a_tab_that_becomes_visible_refreshes_at_limited_intervals(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.context.new_page()
    page.clock.install()
    page.goto("/")
    htmx_window.sign_out()
    dispatch_visibility_change(page)
    expect(menu(page, "unauthenticated")).to_be_visible()

    htmx_window.sign_in()
    dispatch_visibility_change(page)
    wait_idle(page)
    assert htmx_window.count(MENU) == 1
    page.clock.fast_forward("00:06")
    dispatch_visibility_change(page)
    expect(menu(page, "authenticated")).to_be_visible()


def test_a_private_page_from_the_back_forward_cache_is_hidden_until_the_session_is_checked(
    htmx_window: BrowserWindow,
) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/dashboard")
    welcome = page.get_by_text("Welcome, Hana Example")
    dispatch_page_transitions(page, "pagehide")
    expect(welcome).to_be_hidden()
    dispatch_page_transitions(page, "pageshow")
    expect(welcome).to_be_visible()

    release = htmx_window.hold("**/partials/*")
    dispatch_page_transitions(page, "pageshow")
    expect(welcome).to_be_hidden()
    release()
    expect(welcome).to_be_visible()

    htmx_window.allow_errors()
    htmx_window.sign_out()
    dispatch_page_transitions(page, "pagehide", "pageshow")
    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fdashboard")


def test_a_private_page_from_the_back_forward_cache_stays_hidden_offline(htmx_window: BrowserWindow) -> None:
    htmx_window.allow_errors(f"ERR_INTERNET_DISCONNECTED|{FAILED_REQUEST}")
    htmx_window.sign_in()
    page = htmx_window.open("/dashboard")
    htmx_window.context.set_offline(True)
    dispatch_page_transitions(page, "pagehide", "pageshow")

    expect(page.get_by_text("Welcome, Hana Example")).to_have_count(0)


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_back_after_signing_out_shows_nothing_private(open_window: OpenWindow, javascript: bool) -> None:
    window = open_window(java_script_enabled=javascript)
    window.sign_in()
    page = window.open("/")
    page.goto("/dashboard")
    page.goto("/about")
    page.goto("/")
    sign_out(page)
    expect(menu(page, "unauthenticated")).to_be_visible()

    for _ in range(2 if javascript else 3):
        page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_text("Hana")).to_have_count(0)


def test_a_menu_rendered_before_a_second_sign_in_of_the_same_user_signs_out_in_place(
    htmx_window: BrowserWindow,
) -> None:
    """The second sign-in sets a new CSRF cookie and broadcasts nothing, as the user is the same."""
    htmx_window.sign_in()
    page = htmx_window.open("/")
    page.evaluate("window.same = true")
    choose_user(htmx_window.open("/api/auth/signin"))
    sign_out(page)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    assert page.evaluate("window.same")
    assert htmx_window.count("POST /api/auth/signout") == 2


def test_a_menu_rendered_for_another_user_does_not_sign_out(htmx_window: BrowserWindow) -> None:
    """The button that was pressed named another user."""
    htmx_window.allow_errors()
    htmx_window.sign_in()
    page = htmx_window.open("/")
    release = htmx_window.hold(MENU_URL)
    choose_user(htmx_window.open("/api/auth/signin"), "Alex Admin")
    sign_out(page)
    expect_url(page, "**/api/auth/signin?error=MissingCSRF")
    release()

    expect(menu(page, "authenticated")).to_contain_text("Hi, Alex Admin")


def test_a_new_display_name_is_shown_in_the_heading_of_another_tab(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    dashboard, account = htmx_window.open("/dashboard"), htmx_window.open("/account")
    account.get_by_label("Display name").fill("Hana Renamed")
    account.get_by_role("button", name="Save").click()

    expect(dashboard.get_by_role("heading", level=1)).to_have_text("Welcome, Hana Renamed", timeout=SYNC_TIMEOUT)
