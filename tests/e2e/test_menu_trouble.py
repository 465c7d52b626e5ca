"""When the server is slow, broken, gone, or no longer knows you, the menu neither lies nor gets stuck."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.browser_window import BrowserWindow, change, menu, open_menu, press, settle

MENU = "**/partials/user-menu"
SIGN_OUT = "**/api/auth/signout"


def fail(window: BrowserWindow, address: str, status: int) -> None:
    """From now on the house answers so there; 0 is no answer at all."""
    window.forgive()
    window.context.route(
        address, lambda route: route.fulfill(status=status, body="broken") if status else route.abort()
    )


@pytest.mark.parametrize("status", [0, 500, 503])
def test_a_refresh_that_fails_leaves_the_menu_and_the_next_one_mends_it(either: BrowserWindow, status: int) -> None:
    either.sign_in()
    page = either.open("/")
    fail(either, MENU, status)
    change(page)
    settle(page)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    expect(page.get_by_text("broken")).to_have_count(0)

    either.context.unroute(MENU)
    either.sign_out()
    change(page)
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


def test_a_slow_refresh_that_fails_in_the_end_shows_the_menu_again(either: BrowserWindow) -> None:
    either.forgive()
    either.sign_in()
    page = either.open("/")
    let_go = either.hold(MENU)
    change(page)
    expect(menu(page, "loading")).to_be_visible()
    let_go(fail=True)

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")


def test_a_page_that_was_offline_asks_when_it_is_back(either: BrowserWindow) -> None:
    either.forgive("ERR_INTERNET_DISCONNECTED|Failed to fetch|htmx:")
    either.sign_in()
    page = either.open("/")
    either.context.set_offline(True)
    with page.expect_event("requestfailed"):
        change(page)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")

    either.sign_out()
    either.context.set_offline(False)
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


@pytest.mark.parametrize("status", [0, 503])
def test_a_sign_out_that_fails_says_so_and_can_be_tried_again(either: BrowserWindow, status: int) -> None:
    either.sign_in()
    page = either.open("/")
    fail(either, SIGN_OUT, status)
    open_menu(page)
    press(page, "Sign out")
    expect(page.get_by_role("status")).to_have_text("That did not work. Please try again.")
    settle(page)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")

    either.context.unroute(SIGN_OUT)
    press(page, "Sign out")
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


@pytest.mark.parametrize("first", ["refresh", "sign-out"])
def test_signing_out_wins_over_a_refresh_under_way(either: BrowserWindow, first: str) -> None:
    either.forgive("htmx:")  # htmx 2 prints that a request was abandoned
    either.sign_in()
    page = either.open("/")
    open_menu(page)
    let_refresh_go, let_sign_out_go = either.hold(MENU), either.hold(SIGN_OUT)
    page.evaluate("window.shown = document.getElementById('user-menu')")
    change(page)
    press(page, "Sign out")
    if first == "refresh":
        let_refresh_go()
        page.evaluate("fetch('/health/live')")
        assert page.evaluate("shown === document.getElementById('user-menu')")  # it came too late
    let_sign_out_go()
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    let_refresh_go()
    settle(page)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


def test_a_menu_that_never_loaded_recovers(either: BrowserWindow) -> None:
    either.sign_in()
    fail(either, MENU, 503)
    page = either.open("/about")
    settle(page)
    expect(menu(page, "loading")).to_have_count(1)

    either.context.unroute(MENU)
    change(page)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")


def test_a_fragment_of_an_ended_session_leaves_for_sign_in(either: BrowserWindow) -> None:
    either.forgive()
    either.sign_in()
    page = either.open("/")
    page.goto("/dashboard?tab=2")
    entries = page.evaluate("history.length")
    either.sign_out()
    change(page)

    page.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdashboard%3Ftab%3D2")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.locator("#session-card")).to_have_count(0)
    assert page.evaluate("history.length") == entries  # the private page was replaced, not covered up


@pytest.mark.parametrize("status", [0, 413, 500, 503])
def test_a_form_that_fails_says_so(either: BrowserWindow, status: int) -> None:
    either.forgive()
    either.sign_in()
    page = either.open("/account")
    fail(either, "**/account/name", status)
    page.get_by_label("Display name").fill("Hana of the House")
    press(page, "Save")

    expect(page.get_by_role("status")).to_have_text("That did not work. Please try again.")
    expect(page.get_by_label("Display name")).to_have_value("Hana of the House")


def test_a_refresh_that_somebody_asked_for_and_that_fails_says_so(either: BrowserWindow) -> None:
    either.forgive()
    either.sign_in()
    page = either.open("/dashboard")
    fail(either, "**/partials/session", 503)
    page.get_by_role("link", name="Refresh").click()

    expect(page.get_by_role("status")).to_have_text("That did not work. Please try again.")


def test_a_refresh_that_nobody_asked_for_fails_in_silence(either: BrowserWindow) -> None:
    either.forgive()
    either.sign_in()
    page = either.open("/dashboard")
    fail(either, "**/partials/session", 503)
    change(page)
    settle(page)

    expect(page.get_by_role("status")).to_have_text("")
