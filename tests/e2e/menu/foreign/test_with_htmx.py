"""`{{ user_menu() }}` on a page of another application whose body has hx-boost, with three versions of htmx."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.menu.foreign.foreign_app import VERSIONS
from tests.e2e.page_actions import choose_user, dispatch_session_changed, menu, open_menu, press, sign_out, wait_idle

MENU = "GET /partials/user-menu"

pytestmark = pytest.mark.parametrize("version", VERSIONS)


def test_signing_in_and_out_in_place(foreign_window: BrowserWindow, version: str) -> None:
    page = foreign_window.open(f"/shop/htmx/{version}")
    assert page.evaluate("htmx.version") == version
    menu(page, "unauthenticated").get_by_role("link", name="Sign in").click()
    choose_user(page)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    page.evaluate("window.same = true")
    open_menu(page)
    press(page, "Sign out")

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(page.get_by_text("Orders of Hana Example")).to_have_count(0)
    expect(page.get_by_text("Goods for every visitor")).to_be_visible()
    assert page.evaluate("window.same")
    assert foreign_window.count("POST /api/auth/signout") == 1


def test_a_sign_out_in_another_tab(foreign_window: BrowserWindow, version: str) -> None:
    foreign_window.sign_in()
    page, other = foreign_window.open(f"/shop/htmx/{version}"), foreign_window.open("/")
    sign_out(other)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    wait_idle(page)
    expect(menu(page)).to_have_count(1)
    expect(page.get_by_text("Orders of Hana Example")).to_have_count(0)
    assert foreign_window.count(MENU) == 1


def test_a_failed_refresh_keeps_the_menu(foreign_window: BrowserWindow, version: str) -> None:
    foreign_window.allow_errors()
    foreign_window.sign_in()
    page = foreign_window.open(f"/shop/htmx/{version}")
    foreign_window.fulfill("**/partials/user-menu", status=503, body="broken")
    with page.expect_response("**/partials/user-menu"):
        dispatch_session_changed(page)
    wait_idle(page)

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")


def test_a_boosted_link_keeps_the_menu_working(foreign_window: BrowserWindow, version: str) -> None:
    foreign_window.sign_in()
    page = foreign_window.open(f"/shop/htmx/{version}")
    page.evaluate("window.same = true")
    with page.expect_response("**/shop/htmx/*"):
        page.get_by_role("link", name="More").click()
    wait_idle(page)
    foreign_window.sign_out()
    dispatch_session_changed(page)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(menu(page)).to_have_count(1)


def test_back_to_a_private_page_without_a_session_shows_the_sign_in_page(
    foreign_window: BrowserWindow, version: str
) -> None:
    foreign_window.sign_in()
    page = foreign_window.open(f"/shop/orders/{version}")
    with page.expect_response("**/shop/orders/*"):
        page.get_by_role("link", name="More").click()
    wait_idle(page)
    page.evaluate("for (const each of [localStorage, sessionStorage]) each.removeItem('htmx-history-cache')")
    foreign_window.sign_out()
    page.go_back()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Orders of Hana Example")).to_have_count(0)
