"""React front end with the real next-auth/react that shares the sign-in, in synchronised tabs."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import UNAUTHORIZED, BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import choose_user, expect_url, menu, press, sign_out

SYNC_TIMEOUT = 2000
"""Milliseconds. Another tab must show a change in this time."""


@pytest.fixture(name="shared", params=["4.0.1", "2.0.11"])
def _shared(open_window: OpenWindow, react_app: Flask, request: pytest.FixtureRequest) -> BrowserWindow:
    return open_window(react_app, request.param)


def expect_react(page: Page, status: str) -> None:
    expect(page.locator("#react-status")).to_have_text(status, timeout=SYNC_TIMEOUT)


def test_react_tabs_and_server_rendered_tabs_are_synchronised(shared: BrowserWindow) -> None:
    shared.allow_errors(UNAUTHORIZED)
    menu_tab, react_tab = shared.open("/"), shared.open("/react")
    expect_react(react_tab, "unauthenticated")

    tab = shared.open("/dashboard")
    choose_user(tab)
    expect(menu(tab, "authenticated")).to_be_visible()
    expect_react(react_tab, "authenticated")
    expect(react_tab.locator("#react-name")).to_have_text("Hana Example")
    expect(menu(menu_tab, "authenticated")).to_be_visible(timeout=SYNC_TIMEOUT)

    react_tab.bring_to_front()
    react_tab.click("#react-sign-out-in-place")
    expect_react(react_tab, "unauthenticated")
    expect(menu(menu_tab, "unauthenticated")).to_be_visible(timeout=SYNC_TIMEOUT)
    expect_url(tab, "**/api/auth/signin?callbackUrl=%2Fdashboard", timeout=SYNC_TIMEOUT)


def test_signing_out_by_the_menu_updates_the_react_tab(shared: BrowserWindow) -> None:
    shared.sign_in()
    menu_tab, react_tab = shared.open("/"), shared.open("/react")
    expect_react(react_tab, "authenticated")
    sign_out(menu_tab)

    expect(menu(menu_tab, "unauthenticated")).to_be_visible()
    expect_react(react_tab, "unauthenticated")


def test_signing_in_by_react_updates_the_server_rendered_tab(shared: BrowserWindow) -> None:
    menu_tab, react_tab = shared.open("/"), shared.open("/react?provider=development")
    expect_react(react_tab, "unauthenticated")
    react_tab.click("#react-sign-in")
    react_tab.get_by_text("Who do you want to be?").wait_for()
    press(react_tab, "Hana Example")
    expect_url(react_tab, "**/react?provider=development")
    expect_react(react_tab, "authenticated")

    react_tab.click("#react-ask")
    expect(menu(menu_tab, "authenticated")).to_contain_text("Hi, Hana Example", timeout=SYNC_TIMEOUT)


def test_react_signs_in_by_the_sign_in_page(open_window: OpenWindow, react_app: Flask) -> None:
    page = open_window(react_app).open("/react")
    expect_react(page, "unauthenticated")
    page.click("#react-sign-in")
    expect_url(page, "**/api/auth/signin?callbackUrl=*")
    choose_user(page)
    expect_url(page, "**/react")

    expect_react(page, "authenticated")


def test_an_update_by_react_does_not_change_protected_fields(open_window: OpenWindow, react_app: Flask) -> None:
    window = open_window(react_app)
    window.sign_in()
    page = window.open("/react")
    expect_react(page, "authenticated")
    with page.expect_response(lambda received: received.request.method == "POST") as response:
        page.click("#react-update")

    assert response.value.url == f"{window.origin}/api/auth/session"
    assert response.value.json()["user"]["name"] == "Hana Example"  # the jwt callback accepts no name from a client
    expect_react(page, "authenticated")
    expect(page.locator("#react-name")).to_have_text("Hana Example")


def test_signing_out_by_react_returns_to_the_page(open_window: OpenWindow, react_app: Flask) -> None:
    window = open_window(react_app)
    window.sign_in()
    page = window.open("/react")
    expect_react(page, "authenticated")
    with page.expect_navigation(url="**/react"):
        page.click("#react-sign-out")

    expect_react(page, "unauthenticated")
    assert window.count("POST /api/auth/signout") == 1
