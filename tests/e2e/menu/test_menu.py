"""User menu in a browser: states, refreshes, focus and announcements, with htmx 4 and with htmx 2."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import (
    dispatch_session_changed,
    expect_url,
    load,
    menu,
    open_menu,
    press,
    wait_idle,
    wait_until,
)

MENU = "GET /partials/user-menu"
DEFAULT_AVATAR = re.compile("/static/img/default-avatar.svg")


def change_and_wait(page: Page, id: str = "user-menu") -> None:
    """Dispatch `session-changed` and wait until the element of that id was replaced."""
    page.evaluate("id => { window.old = document.getElementById(id) }", id)
    dispatch_session_changed(page)
    wait_until(page, "document.getElementById(arg) !== window.old", id)


@pytest.mark.parametrize(
    ("path", "signed_in", "status"),
    [("/", False, "unauthenticated"), ("/", True, "authenticated"), ("/about", True, "loading")],
)
def test_the_server_renders_the_menu_with_its_status(
    open_window: OpenWindow, path: str, signed_in: bool, status: str
) -> None:
    window = open_window(java_script_enabled=False)
    if signed_in:
        window.sign_in()
    expect(menu(window.open(path))).to_have_attribute("data-status", status)


def test_a_loading_menu_has_an_account_link_without_javascript(open_window: OpenWindow) -> None:
    page = open_window(java_script_enabled=False).open("/about")
    menu(page, "loading").get_by_role("link", name="Your account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_page_load_sends_no_request_for_the_menu(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    load(htmx_window.context.new_page(), "/")

    extra = [
        line
        for line in htmx_window.requests[1:]
        if not re.match(r"GET /(static|genkan/static|development/pictures)/", line)
    ]
    assert htmx_window.requests[0] == "GET /"
    assert extra == []


def test_a_page_with_a_loading_menu_requests_it_once(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/about")
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    wait_idle(page)

    expect(menu(page)).to_have_count(1)
    expect(page.get_by_role("status")).to_be_empty()
    assert htmx_window.count(MENU) == 1


def test_a_session_change_refreshes_every_fragment_that_depends_on_the_session(htmx_window: BrowserWindow) -> None:
    page = htmx_window.open("/")
    htmx_window.sign_in()
    dispatch_session_changed(page)

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    expect(page.locator("#welcome")).to_contain_text("You are signed in as Hana Example")
    assert htmx_window.count(MENU) == htmx_window.count("GET /partials/welcome") == 1


def test_a_slow_refresh_shows_loading_without_a_layout_shift(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/")
    box = menu(page).bounding_box()
    release = htmx_window.hold("**/partials/user-menu")
    dispatch_session_changed(page)

    expect(menu(page, "loading")).to_contain_text("Hi, Hana Example")
    assert menu(page).bounding_box() == box
    release()
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")


def test_a_quick_refresh_never_shows_loading(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/")
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
    release = htmx_window.hold("**/partials/user-menu")
    dispatch_session_changed(page)
    page.clock.run_for(399)
    expect(menu(page, "authenticated")).to_be_visible()
    page.clock.run_for(2)
    expect(menu(page, "loading")).to_be_visible()
    release()


def test_a_double_click_signs_out_once(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/")
    open_menu(page)
    page.get_by_role("button", name="Sign out").dblclick()
    expect(menu(page, "unauthenticated")).to_be_visible()
    wait_idle(page)

    assert htmx_window.count("POST /api/auth/signout") == 1
    assert htmx_window.count(MENU) == 0  # the response to the form is the menu


def test_a_form_is_submitted_once_while_its_request_is_pending(window: BrowserWindow) -> None:
    page = window.open("/api/auth/signin")
    release = window.hold("**/api/auth/signin/development")
    page.evaluate(
        """async () => {
            for (let press = 0; press < 3; press++) {
                document.querySelector("main form[action$='/signin/development']").requestSubmit();
                await fetch("/health/live");
            }
        }"""
    )
    release()
    expect_url(page, "**/development/authorize*")

    assert window.count("POST /api/auth/signin/development") == 1


def test_a_broken_picture_is_replaced_by_the_default(window: BrowserWindow) -> None:
    window.allow_errors("404")
    window.sign_in("Sam Sample")
    page = window.open("/dashboard")

    for picture in (menu(page).locator("img"), page.get_by_alt_text("Profile picture")):
        expect(picture).to_have_attribute("src", DEFAULT_AVATAR)
    wait_until(page, "[...document.images].every((image) => image.naturalWidth)")
    change_and_wait(page)
    expect(menu(page).locator("img")).to_have_attribute("src", DEFAULT_AVATAR)


def test_a_user_without_a_picture_has_the_default(window: BrowserWindow) -> None:
    window.sign_in("Alex Admin")
    expect(menu(window.open("/")).locator("img")).to_have_attribute("src", DEFAULT_AVATAR)


def test_focus_and_the_open_popup_survive_a_refresh(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/")
    open_menu(page)
    change_and_wait(page)

    expect(menu(page).locator("summary")).to_be_focused()
    expect(menu(page).get_by_role("link", name="Dashboard")).to_be_visible()


def test_focus_moves_to_the_sign_in_link_after_signing_out(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/")
    open_menu(page)
    press(page, "Sign out")

    expect(menu(page).get_by_role("link", name="Sign in")).to_be_focused()


def test_refreshing_the_session_card_keeps_focus_and_is_announced(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/dashboard")
    page.get_by_role("link", name="Refresh").click()

    expect(page.get_by_role("status")).to_have_text("The session is up to date.")
    expect(page.get_by_role("link", name="Refresh")).to_be_focused()
    assert htmx_window.count("GET /partials/session") == 1


def test_the_popup_closes_on_escape_on_an_outside_click_and_when_focus_leaves(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/")
    dashboard = menu(page).get_by_role("link", name="Dashboard")

    open_menu(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(dashboard).to_be_hidden()
    expect(menu(page).locator("summary")).to_be_focused()

    open_menu(page)
    page.get_by_role("heading", level=1).click()
    expect(dashboard).to_be_hidden()

    open_menu(page)
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(dashboard).to_be_hidden()


def test_only_changes_of_the_session_are_announced(htmx_window: BrowserWindow) -> None:
    page = htmx_window.open("/")
    notice = page.get_by_role("status")
    change_and_wait(page)
    expect(notice).to_be_empty()
    htmx_window.sign_in()
    dispatch_session_changed(page)
    expect(notice).to_have_text("Signed in as Hana Example")
    open_menu(page)
    press(page, "Sign out")
    expect(notice).to_have_text("Signed out")


def test_no_page_is_stored_in_web_storage(htmx_window: BrowserWindow) -> None:
    htmx_window.sign_in()
    page = htmx_window.open("/dashboard")
    change_and_wait(page, "session-card")
    page.goto("/")
    open_menu(page)
    press(page, "Sign out")
    expect(menu(page, "unauthenticated")).to_be_visible()

    kept = page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "htmx-history-cache" not in kept
    assert "Hana" not in kept


def test_htmx_is_configured_without_eval_and_without_cross_origin_requests(htmx_window: BrowserWindow) -> None:
    page = htmx_window.open("/")
    meta = json.loads(page.locator("meta[name=htmx-config]").get_attribute("content") or "")
    live = page.evaluate("({...htmx.config, version: htmx.version})")

    assert live["version"] == htmx_window.htmx
    assert meta.items() <= live.items()
    for name in ("allowEval", "allowScriptTags", "includeIndicatorStyles", "historyRestoreAsHxRequest"):
        assert meta[name] is False
    assert meta["selfRequestsOnly"] is True
    assert (meta["historyCacheSize"], meta["history"]) == (0, "reload")
    assert meta["noSwap"] == [204, 304, "4xx", "5xx"]


def test_a_broken_picture_is_covered_by_the_default_without_javascript(open_window: OpenWindow) -> None:
    window = open_window(java_script_enabled=False)
    window.allow_errors("404")
    window.sign_in("Sam Sample")
    page = window.open("/dashboard")

    box = page.get_by_alt_text("Profile picture").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (80, 80)
    assert window.count("GET /genkan/static/img/default-avatar.svg") == 1
