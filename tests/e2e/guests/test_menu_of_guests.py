"""Signing in, the menu, signing out and the account page on the pages of applications that existed before Genkan."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.guests.conftest import sign_in
from tests.e2e.page_actions import load, menu, open_menu, press
from tests.guests.guest import Guest

MENU = "GET /genkan/menu"

WATCH_SHIFTS = """
    window.shift = 0;
    const isOfToolbar = ({ sources }) => sources.some(({ node }) => node?.parentElement?.closest("#flDebug"));
    new PerformanceObserver((list) => list.getEntries().forEach((it) => (window.shift += isOfToolbar(it) ? 0 : it.value)))
        .observe({ type: "layout-shift", buffered: true });
"""
"""Script that adds up the layout shifts of a page, without those of Flask-DebugToolbar, in `window.shift`."""

MAX_SHIFT = 0.02
"""A fifth of what counts as a visible shift. The style sheet of the menu is not in the head of the page."""


def test_signing_in_leads_back_to_the_page(window: BrowserWindow) -> None:
    page = sign_in(window, "/?page=1")

    expect(page).to_have_url(f"{window.origin}/?page=1")
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    expect(menu(page)).to_have_count(1)


def test_the_menu_is_complete_at_first_paint(window: BrowserWindow) -> None:
    sign_in(window).close()
    page = window.context.new_page()
    page.add_init_script(WATCH_SHIFTS)
    load(page, "/")

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    assert window.count(MENU) == 0
    assert page.evaluate("window.shift") < MAX_SHIFT


def test_signing_out_keeps_the_page(window: BrowserWindow) -> None:
    page = sign_in(window)
    page.evaluate("window.same = true")
    open_menu(page)
    press(page, "Sign out")

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    assert page.evaluate("window.same")
    assert window.count("POST /api/auth/signout") == 1
    page.reload()
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


def test_another_tab_follows(window: BrowserWindow) -> None:
    page = sign_in(window)
    other = window.open()
    open_menu(page)
    press(page, "Sign out")

    expect(menu(other, "unauthenticated")).to_have_text("Sign in")
    sign_in(window)
    expect(menu(other, "authenticated")).to_contain_text("Hana Example")


def test_the_account_page(window: BrowserWindow, guest: Guest) -> None:
    page = sign_in(window)
    open_menu(page)
    menu(page).get_by_role("link", name="Account").click()

    expect(page).to_have_url(f"{window.origin}/genkan/account")
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    if guest.find_users:  # the application itself changes the names of its users
        expect(page.get_by_label("Display name")).to_have_count(0)
    else:
        page.get_by_label("Display name").fill("Hana the First")
        press(page, "Save")
        expect(menu(page, "authenticated")).to_contain_text("Hana the First")
    press(page, "Sign out everywhere else")
    expect(page.get_by_text("You are signed out everywhere else.")).to_be_visible()


def test_without_javascript(open_window: OpenWindow) -> None:
    page = sign_in(open_window(java_script_enabled=False))
    open_menu(page)
    press(page, "Sign out")

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
