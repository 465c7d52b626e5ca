"""Account page in a browser: display name, focus, keyboard, layout, and use without JavaScript."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.e2e.account.devices import (
    PHONE,
    expect_notice,
    link_github,
    section,
    sessions,
    sign_in_from,
    sign_in_on,
)
from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import (
    WATCH_SHIFTS,
    dispatch_session_changed,
    menu,
    open_menu,
    press,
    resize,
    tab_to,
    wait_idle,
)


def test_the_menu_leads_to_the_account_page(hana: BrowserWindow) -> None:
    page = hana.open("/")
    open_menu(page)
    menu(page).get_by_role("link", name="Account").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    expect(sessions(page)).to_contain_text("Firefox on Windows")


def test_a_new_display_name_is_shown_in_all_tabs(hana: BrowserWindow) -> None:
    home, page = hana.open("/"), hana.open("/account")
    page.get_by_label("Display name").fill("Hana Renamed")
    press(page, "Save")

    expect_notice(page, "Your name has been changed.")
    expect(menu(page)).to_contain_text("Hi, Hana Renamed")
    expect(section(page, "Profile").locator("dl")).to_contain_text("Hana Renamed")
    expect(section(page, "Recent activity")).to_contain_text("Changed the name")
    expect(menu(home)).to_contain_text("Hi, Hana Renamed")
    expect(home.locator("#welcome")).to_contain_text("You are signed in as Hana Renamed")


def test_an_empty_display_name_is_refused_in_the_form(hana: BrowserWindow) -> None:
    page = hana.open("/account")
    name = page.get_by_label("Display name")
    name.fill("   ")
    name.press("Enter")

    expect(page.get_by_text("Please type a name.")).to_be_visible()
    expect(name).to_be_focused()
    expect(name).to_have_value("   ")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(menu(page)).to_contain_text("Hi, Hana Example")


def test_unsaved_input_survives_a_session_change(hana: BrowserWindow) -> None:
    page = hana.open("/account")
    name = page.get_by_label("Display name")
    name.fill("Unfinished na")
    dispatch_session_changed(page)
    wait_idle(page)

    expect(name).to_have_value("Unfinished na")
    expect(name).to_be_focused()


def test_the_focus_is_kept_when_the_sections_are_replaced(hana: BrowserWindow, phone: BrowserWindow) -> None:
    page = hana.open("/account")
    button = sessions(page).get_by_role("button", name="End the session on Safari on iPhone")
    button.focus()
    page.evaluate("window.old = document.getElementById('account-sessions')")
    dispatch_session_changed(page)
    wait_idle(page)

    assert page.evaluate("!window.old.isConnected")
    expect(button).to_be_focused()


def test_the_focus_moves_to_the_section_when_its_element_is_removed(hana: BrowserWindow, phone: BrowserWindow) -> None:
    page = hana.open("/account")
    sessions(page).get_by_role("button", name="End the session on Safari on iPhone").focus()
    other = phone.open("/")
    open_menu(other)
    press(other, "Sign out")
    expect(menu(other, "unauthenticated")).to_be_visible()
    dispatch_session_changed(page)

    expect(sessions(page)).not_to_contain_text("Safari")
    expect(page.get_by_role("heading", name="Where you are signed in")).to_be_focused()


def test_the_page_can_be_used_by_keyboard_only(hana: BrowserWindow, phone: BrowserWindow) -> None:
    page = hana.open("/account")
    tab_to(page, page.get_by_label("Display name"))
    tab_to(page, sessions(page).get_by_role("button", name="End the session on Safari on iPhone"))
    page.keyboard.press("Enter")
    expect_notice(page, "The session has been ended.")
    tab_to(page, page.get_by_role("link", name="Delete my account"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("link", name="Keep my account"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_layout_does_not_shift_on_load_or_after_a_refresh(
    hana: BrowserWindow, phone: BrowserWindow, width: int
) -> None:
    hana.context.add_init_script(WATCH_SHIFTS)
    page = hana.context.new_page()
    resize(page, width)
    page.goto("/account")
    dispatch_session_changed(page)
    wait_idle(page)

    assert page.evaluate("shift") < 0.02


def test_the_account_page_works_without_javascript(open_window: OpenWindow, empty_app: Flask) -> None:
    window = open_window(empty_app, java_script_enabled=False)
    window.allow_errors("status of 4(09|22)")
    link_github(sign_in_on(window))
    sign_in_from(window.app, PHONE)
    sign_in_from(window.app, PHONE)
    page = window.open("/account")
    page.get_by_label("Display name").fill(" ")
    press(page, "Save")
    expect(page.get_by_text("Please type a name.")).to_be_visible()
    page.get_by_label("Display name").fill("Hana N. Script")
    press(page, "Save")
    expect(page.get_by_text("Your name has been changed.")).to_be_visible()
    expect(menu(page)).to_contain_text("Hi, Hana N. Script")
    sessions(page).get_by_role("button", name="End the session on Safari").first.click()
    expect(page.get_by_text("The session has been ended.")).to_be_visible()
    expect(sessions(page).get_by_role("listitem")).to_have_count(2)
    press(page, "Unlink GitHub")
    expect(page.get_by_text("Unlinked.")).to_be_visible()
    press(page, "End all other sessions")
    expect(page.get_by_text("You are signed out everywhere else.")).to_be_visible()
    expect(sessions(page).get_by_role("listitem")).to_have_count(1)
    page.get_by_role("link", name="Delete my account").click()
    press(page, "Delete my account for good")
    expect(page.get_by_text("Your account has been deleted")).to_be_visible()
