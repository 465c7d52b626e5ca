"""`{{ user_menu() }}` on a page of another application, without htmx and without any other element of ours."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.menu.foreign.foreign_app import VERSIONS
from tests.e2e.page_actions import (
    choose_user,
    dispatch_session_changed,
    dispatch_visibility_change,
    load,
    menu,
    open_menu,
    press,
    sign_out,
    wait_idle,
)

MENU = "GET /partials/user-menu"


def test_signing_in_and_out(foreign_window: BrowserWindow) -> None:
    page = foreign_window.open("/shop?page=2")
    menu(page, "unauthenticated").get_by_role("link", name="Sign in").click()
    choose_user(page)
    expect(page).to_have_url(f"{foreign_window.origin}/shop?page=2")
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    open_menu(page)
    expect(menu(page).get_by_role("link", name="Account")).to_be_visible()
    press(page, "Sign out")

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(menu(page).get_by_role("link")).to_be_focused()
    expect(page).to_have_url(f"{foreign_window.origin}/shop?page=2")
    expect(page.get_by_text("Orders of Hana Example")).to_have_count(0)
    page.reload()
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


def test_a_double_click_signs_out_once(foreign_window: BrowserWindow) -> None:
    foreign_window.sign_in()
    page = foreign_window.open("/shop")
    open_menu(page)
    page.get_by_role("button", name="Sign out").dblclick()

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    assert foreign_window.count("POST /api/auth/signout") == 1


def test_a_form_from_before_a_sign_in_in_another_tab_is_sent_again(foreign_window: BrowserWindow) -> None:
    foreign_window.sign_in()
    page = foreign_window.open("/shop")
    page.evaluate("document.querySelector('#user-menu [name=csrfToken]').value = 'outdated'")
    open_menu(page)
    press(page, "Sign out")

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(page).to_have_url(f"{foreign_window.origin}/shop")
    assert foreign_window.count("POST /api/auth/signout") == 2


def test_a_sign_out_that_fails_without_a_reload_is_sent_by_the_browser(foreign_window: BrowserWindow) -> None:
    foreign_window.allow_errors()
    foreign_window.sign_in()
    page = foreign_window.open("/shop")
    foreign_window.context.route("**/api/auth/signout", lambda route: route.abort(), times=1)
    open_menu(page)
    press(page, "Sign out")

    expect(page).to_have_url(f"{foreign_window.origin}/")
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


def test_the_menu_is_complete_at_first_paint(foreign_window: BrowserWindow) -> None:
    foreign_window.sign_in()
    page = foreign_window.context.new_page()
    load(page, "/shop")

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    assert foreign_window.count(MENU) == 0
    assert page.evaluate("getComputedStyle(document.getElementById('user-menu')).position") == "relative"


def test_a_cached_page_loads_its_menu_once(foreign_window: BrowserWindow) -> None:
    foreign_window.sign_in()
    page = foreign_window.context.new_page()
    load(page, "/shop/cached")

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    assert foreign_window.count(MENU) == 1


def test_a_sign_out_in_another_tab_empties_private_elements(foreign_window: BrowserWindow) -> None:
    foreign_window.sign_in()
    page, other = foreign_window.open("/shop"), foreign_window.open("/")
    expect(page.get_by_text("Orders of Hana Example")).to_be_visible()
    sign_out(other)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(page.get_by_text("Orders of Hana Example")).to_have_count(0)
    expect(page.get_by_text("Goods for every visitor")).to_be_visible()
    assert foreign_window.count(MENU) == 1


def test_focus_and_the_open_popup_survive_a_refresh(foreign_window: BrowserWindow) -> None:
    foreign_window.sign_in()
    page = foreign_window.open("/shop")
    open_menu(page)
    page.evaluate("window.old = document.getElementById('user-menu')")
    dispatch_session_changed(page)

    page.wait_for_selector("#user-menu details[open]")
    expect(menu(page).locator("summary")).to_be_focused()
    expect(menu(page).get_by_role("button", name="Sign out")).to_be_visible()


@pytest.mark.parametrize("status", [0, 503])
def test_a_failed_refresh_keeps_the_menu(foreign_window: BrowserWindow, status: int) -> None:
    foreign_window.allow_errors()
    foreign_window.sign_in()
    page = foreign_window.open("/shop")
    foreign_window.context.route(
        "**/partials/user-menu", lambda route: route.fulfill(status=status, body="broken") if status else route.abort()
    )
    with page.expect_request("**/partials/user-menu"):
        dispatch_session_changed(page)
    page.evaluate("fetch('/health/live')")

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")


@pytest.mark.parametrize(
    "missing",
    [
        "delete window.BroadcastChannel",
        "window.BroadcastChannel = class { constructor() { throw new Error('no') } }",
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no') } })",
    ],
)
def test_a_browser_without_a_feature_refreshes_when_the_page_is_visible(
    foreign_window: BrowserWindow, missing: str
) -> None:
    foreign_window.context.add_init_script(missing)
    foreign_window.sign_in()
    page = foreign_window.open("/shop")
    foreign_window.sign_out()
    dispatch_visibility_change(page)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


@pytest.mark.parametrize("path", ["/shop", "/shop/layout"])
def test_the_forms_of_the_page_are_sent_each_time(foreign_window: BrowserWindow, path: str) -> None:
    """A form with a handler of its own, a dialog, and a form that downloads, each sent three times within a second."""
    page = foreign_window.open(path)
    token = page.evaluate("fetch('/api/auth/csrf').then((response) => response.json())")["csrfToken"]
    counts = page.evaluate(
        """(token) => {
            const counts = { search: 0, dialog: 0, save: 0 };
            const [search, save, close] = document.querySelectorAll("article form");
            search.onsubmit = (event) => (event.preventDefault(), counts.search++);
            save.insertAdjacentHTML("beforeend", `<input type="hidden" name="csrfToken" value="${token}">`);
            save.onsubmit = () => counts.save++;
            for (let i = 0; i < 3; i++) {
                search.requestSubmit();
                close.parentElement.showModal();
                close.requestSubmit();
                if (!close.parentElement.open) counts.dialog++;
            }
            return counts;
        }""",
        token,
    )
    for _ in range(2):
        with page.expect_download() as download:
            press(page, "Download")
        assert download.value.suggested_filename == "report.csv"

    assert counts == {"search": 3, "dialog": 3, "save": 0}


def test_the_page_gets_no_attribute_and_no_element(foreign_window: BrowserWindow) -> None:
    foreign_window.sign_in()
    page = foreign_window.open("/shop")
    dispatch_session_changed(page)
    page.wait_for_load_state("networkidle")

    assert page.evaluate("document.body.attributes.length") == 0
    assert page.evaluate("[...document.body.children].map((child) => child.localName)") == ["header", "article"]


def test_without_javascript_the_menu_signs_out(open_window: OpenWindow, foreign_window: BrowserWindow) -> None:
    window = open_window(foreign_window.app, java_script_enabled=False)
    window.sign_in()
    page = window.open("/shop")
    sign_out(page)

    expect(page).to_have_url(f"{window.origin}/")
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


def test_a_private_page_in_another_layout_is_hidden_until_its_user_is_known(foreign_window: BrowserWindow) -> None:
    foreign_window.sign_in()
    page = foreign_window.open("/shop/private")
    release = foreign_window.hold("**/partials/user-menu")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    expect(page.get_by_text("Orders of Hana Example")).to_be_hidden()
    page.evaluate("setTimeout(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))")
    expect(page.get_by_text("Orders of Hana Example")).to_be_hidden()
    release()

    expect(page.get_by_text("Orders of Hana Example")).to_be_visible()


def test_a_menu_that_another_script_has_replaced_is_refreshed(foreign_window: BrowserWindow) -> None:
    foreign_window.sign_in()
    page = foreign_window.open("/shop")
    page.evaluate("document.querySelector('header').innerHTML += ''")
    foreign_window.sign_out()
    dispatch_visibility_change(page)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(page.get_by_text("Orders of Hana Example")).to_have_count(0)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_form_and_a_notice_of_the_page_are_left_as_they_are(foreign_window: BrowserWindow, version: str) -> None:
    foreign_window.allow_errors()
    foreign_window.sign_in()
    page = foreign_window.open(f"/shop/htmx/{version}")
    page.evaluate(
        """() => {
            search.insertAdjacentHTML("afterend", '<p id="notice">The shop is closed today</p>');
            search.dataset.sent = "by post";
        }"""
    )
    foreign_window.fulfill("**/search", status=204)
    with page.expect_response("**/search"):
        page.evaluate("search.requestSubmit()")
    wait_idle(page)
    foreign_window.sign_out()
    dispatch_session_changed(page)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    assert page.evaluate("[notice.textContent, search.dataset.sent]") == ["The shop is closed today", "by post"]
