"""The user menu is right, stays right, and is pleasant to use; with htmx 4 and with htmx 2."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import BrowserWindow, change, load, menu, open_menu, press, settle, wait_until
from tests.e2e.conftest import OpenWindow

MENU = "GET /partials/user-menu"
DEFAULT_AVATAR = re.compile("/static/img/default-avatar.svg")


def change_and_wait(page: Page, part: str = "user-menu") -> None:
    """Returns when the part of that id has been replaced by a newer one."""
    page.evaluate("id => { window.old = document.getElementById(id) }", part)
    change(page)
    wait_until(page, "document.getElementById(arg) !== window.old", part)


@pytest.mark.parametrize(
    ("path", "somebody", "status"),
    [("/", False, "unauthenticated"), ("/", True, "authenticated"), ("/about", True, "loading")],
)
def test_the_server_draws_the_menu_in_its_state(
    open_window: OpenWindow, path: str, somebody: bool, status: str
) -> None:
    window = open_window(java_script_enabled=False)
    if somebody:
        window.sign_in()
    expect(menu(window.open(path))).to_have_attribute("data-status", status)


def test_a_menu_that_loads_offers_a_way_without_javascript(open_window: OpenWindow) -> None:
    page = open_window(java_script_enabled=False).open("/about")
    menu(page, "loading").get_by_role("link", name="Your account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_page_load_asks_nothing(either: BrowserWindow) -> None:
    either.sign_in()
    load(either.context.new_page(), "/")

    extra = [
        line for line in either.requests[1:] if not re.match(r"GET /(static|genkan/static|development/pictures)/", line)
    ]
    assert either.requests[0] == "GET /"
    assert extra == []


def test_a_page_drawn_without_asking_asks_once(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/about")
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    settle(page)

    expect(menu(page)).to_have_count(1)
    expect(page.get_by_role("status")).to_be_empty()
    assert either.asked(MENU) == 1


def test_a_change_reaches_every_part_that_depends_on_the_session(either: BrowserWindow) -> None:
    page = either.open("/")
    either.sign_in()
    change(page)

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    expect(page.locator("#welcome")).to_contain_text("You are signed in as Hana Example")
    assert either.asked(MENU) == either.asked("GET /partials/welcome") == 1


def test_a_slow_refresh_shows_loading_and_moves_nothing(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/")
    place = menu(page).bounding_box()
    let_go = either.hold("**/partials/user-menu")
    change(page)

    expect(menu(page, "loading")).to_contain_text("Hi, Hana Example")
    assert menu(page).bounding_box() == place
    let_go()
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")


def test_a_quick_refresh_never_shows_loading(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/")
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
    let_go = either.hold("**/partials/user-menu")
    change(page)
    page.clock.run_for(399)
    expect(menu(page, "authenticated")).to_be_visible()
    page.clock.run_for(2)
    expect(menu(page, "loading")).to_be_visible()
    let_go()


def test_a_double_click_signs_out_once(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/")
    open_menu(page)
    page.get_by_role("button", name="Sign out").dblclick()
    expect(menu(page, "unauthenticated")).to_be_visible()
    settle(page)

    assert either.asked("POST /api/auth/signout") == 1
    assert either.asked(MENU) == 0  # the answer to the form was the menu


def test_a_second_press_while_the_first_is_on_its_way_sends_nothing(window: BrowserWindow) -> None:
    page = window.open("/api/auth/signin")
    let_go = window.hold("**/api/auth/signin/development")
    page.evaluate(
        """async () => {
            for (let press = 0; press < 3; press++) {
                document.querySelector("main form").requestSubmit();
                await fetch("/health/live");
            }
        }"""
    )
    let_go()
    page.wait_for_url("**/development/authorize*")

    assert window.asked("POST /api/auth/signin/development") == 1


def test_a_broken_picture_gives_way_to_the_default(window: BrowserWindow) -> None:
    window.forgive("404")
    window.sign_in("Sam Sample")
    page = window.open("/dashboard")

    for picture in (menu(page).locator("img"), page.get_by_alt_text("Profile picture")):
        expect(picture).to_have_attribute("src", DEFAULT_AVATAR)
    wait_until(page, "[...document.images].every((image) => image.naturalWidth)")
    change_and_wait(page)
    expect(menu(page).locator("img")).to_have_attribute("src", DEFAULT_AVATAR)


def test_somebody_without_a_picture_has_the_default(window: BrowserWindow) -> None:
    window.sign_in("Alex Admin")
    expect(menu(window.open("/")).locator("img")).to_have_attribute("src", DEFAULT_AVATAR)


def test_focus_and_the_open_popup_outlive_a_refresh(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/")
    open_menu(page)
    change_and_wait(page)

    expect(menu(page).locator("summary")).to_be_focused()
    expect(menu(page).get_by_role("link", name="Dashboard")).to_be_visible()


def test_focus_moves_to_sign_in_when_the_menu_is_gone(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/")
    open_menu(page)
    press(page, "Sign out")

    expect(menu(page).get_by_role("link", name="Sign in")).to_be_focused()


def test_refreshing_the_card_keeps_focus_and_says_so(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/dashboard")
    page.get_by_role("link", name="Refresh").click()

    expect(page.get_by_role("status")).to_have_text("The session is up to date.")
    expect(page.get_by_role("link", name="Refresh")).to_be_focused()
    assert either.asked("GET /partials/session") == 1


def test_the_popup_closes_on_escape_on_a_click_elsewhere_and_when_focus_leaves(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/")
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


def test_changes_are_announced_and_nothing_else_is(either: BrowserWindow) -> None:
    page = either.open("/")
    notice = page.get_by_role("status")
    change_and_wait(page)
    expect(notice).to_be_empty()
    either.sign_in()
    change(page)
    expect(notice).to_have_text("Signed in as Hana Example")
    open_menu(page)
    press(page, "Sign out")
    expect(notice).to_have_text("Signed out")


def test_no_page_is_kept_for_the_back_button(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/dashboard")
    change_and_wait(page, "session-card")
    page.goto("/")
    open_menu(page)
    press(page, "Sign out")
    expect(menu(page, "unauthenticated")).to_be_visible()

    kept = page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "htmx-history-cache" not in kept
    assert "Hana" not in kept


def test_htmx_evaluates_nothing_and_stays_at_home(either: BrowserWindow) -> None:
    page = either.open("/")
    meta = json.loads(page.locator("meta[name=htmx-config]").get_attribute("content") or "")
    live = page.evaluate("({...htmx.config, version: htmx.version})")

    assert live["version"] == either.htmx
    assert meta.items() <= live.items()
    for name in ("allowEval", "allowScriptTags", "includeIndicatorStyles", "historyRestoreAsHxRequest", "history"):
        assert meta[name] is False
    assert meta["selfRequestsOnly"] is True
    assert meta["historyCacheSize"] == 0
    assert meta["noSwap"] == [204, 304, "4xx", "5xx"]


def test_a_broken_picture_is_covered_by_the_default_without_scripts_too(open_window: OpenWindow) -> None:
    window = open_window(java_script_enabled=False)
    window.forgive("404")
    window.sign_in("Sam Sample")
    page = window.open("/dashboard")

    box = page.get_by_alt_text("Profile picture").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (80, 80)
    assert window.asked("GET /genkan/static/img/default-avatar.svg") == 1
