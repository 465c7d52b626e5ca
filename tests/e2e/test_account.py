"""The account page in a browser: what is done there shows at once, in this window and in those of other devices."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask import Flask
from playwright.sync_api import Error, Locator, Page, expect

from genkan.session.revoker import revoke_all_sessions
from genkan.types import Account
from tests.account.test_account import FIREFOX, PHONE, visitor
from tests.browser import Browser
from tests.e2e.browser_window import REFUSED, BrowserWindow, change, menu, open_menu, press, settle
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.e2e.test_access import WATCH_SHIFTS, resize, tab_to
from tests.e2e.test_tabs import reappear

COOKIE = "authjs.session-token"


@pytest.fixture(name="two_ways_house", scope="module")
def _two_ways_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with live_server(
        tmp_path_factory.mktemp("account"), AUTH_GITHUB_ID="for-show", AUTH_GITHUB_SECRET="for-show"
    ) as app:
        yield app


@pytest.fixture(name="empty_house")
def _empty_house(two_ways_house: Flask) -> Flask:
    """Nobody has ever been here."""
    options = two_ways_house.extensions["genkan"].core
    for user in options.adapter.list_users():
        revoke_all_sessions(user.id, "deleted", options)
        options.adapter.delete_user(user.id)
    return two_ways_house


def come_in(window: BrowserWindow, device: str = FIREFOX, name: str = "Hana Example") -> Browser:
    """Sign in on such a device."""
    browser = visitor(window.app, name, device)
    use(window, browser.cookie(COOKIE) or "")
    return browser


def use(window: BrowserWindow, token: str) -> None:
    window.context.add_cookies(
        [{"name": COOKIE, "value": token, "url": window.origin, "httpOnly": True, "sameSite": "Lax"}]
    )


def make_stale(window: BrowserWindow, browser: Browser) -> None:
    """It is a while since they proved who they are."""
    claims = browser.options.sessions.open(browser.cookie(COOKIE) or "")
    use(window, browser.options.sessions.seal({**claims, "proven_at": int(time.time()) - 1000}, 3600))


def link_github(browser: Browser) -> None:
    id = (browser.session() or {})["user"]["id"]
    browser.options.adapter.link_account(id, Account("github", "hana", "oauth"))


@pytest.fixture(name="hana", params=["4.0.1", "2.0.11"])
def _hana(open_window: OpenWindow, empty_house: Flask, request: pytest.FixtureRequest) -> BrowserWindow:
    """Her computer, with either htmx."""
    window = open_window(empty_house, request.param)
    window.forgive(REFUSED)
    come_in(window)
    return window


@pytest.fixture(name="phone")
def _phone(open_window: OpenWindow, hana: BrowserWindow) -> BrowserWindow:
    """Hers as well, with the same htmx."""
    window = open_window(hana.app, hana.htmx)
    window.forgive()  # a page that leaves drops the answers that are on their way
    come_in(window, PHONE)
    return window


def part(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title)


def sessions(page: Page) -> Locator:
    return part(page, "Where you are signed in")


def told(page: Page, words: str) -> None:
    """The part has said so, and who listens or goes on by keyboard is there."""
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.get_by_text(words)).to_be_focused()


def end_phone(page: Page) -> None:
    sessions(page).get_by_role("button", name="End the session on Safari on iPhone").click()


def test_the_menu_leads_to_the_account_page(hana: BrowserWindow) -> None:
    page = hana.open("/")
    open_menu(page)
    menu(page).get_by_role("link", name="Account").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    expect(sessions(page)).to_contain_text("Firefox on Windows")


def test_a_session_that_is_ended_elsewhere_leaves_its_tabs_when_they_come_to_the_front(
    hana: BrowserWindow, phone: BrowserWindow
) -> None:
    private, public, account = phone.open("/dashboard"), phone.open("/"), phone.open("/account")
    page = hana.open("/account")
    end_phone(page)
    told(page, "The session has been ended.")
    expect(sessions(page)).not_to_contain_text("Safari on iPhone")

    for tab in (private, public, account):
        with suppress(Error):  # the first may have told the others, which are leaving by then
            reappear(tab)
    private.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdashboard")
    account.wait_for_url("**/api/auth/signin?callbackUrl=%2Faccount")
    expect(menu(public, "unauthenticated")).to_be_visible()
    expect(public.locator("#welcome")).to_contain_text("You are not signed in yet")
    for tab in (private, account):
        expect(tab.get_by_text("Hana")).to_have_count(0)
    expect(menu(page, "authenticated")).to_be_visible()


def test_so_does_one_event_in_any_of_its_tabs(hana: BrowserWindow, phone: BrowserWindow) -> None:
    private, public = phone.open("/dashboard"), phone.open("/about")
    expect(menu(public, "authenticated")).to_be_visible()
    page = hana.open("/account")
    press(page, "Sign out everywhere else")
    told(page, "You are signed out everywhere else.")
    change(public)

    expect(menu(public, "unauthenticated")).to_be_visible()
    private.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdashboard")


def test_a_new_name_is_everywhere_at_once(hana: BrowserWindow) -> None:
    front, page = hana.open("/"), hana.open("/account")
    page.get_by_label("Display name").fill("Hana of the House")
    press(page, "Save")

    told(page, "Your name has been changed.")
    expect(menu(page)).to_contain_text("Hi, Hana of the House")
    expect(part(page, "Profile").locator("dl")).to_contain_text("Hana of the House")
    expect(part(page, "Recent activity")).to_contain_text("Changed the name")
    expect(menu(front)).to_contain_text("Hi, Hana of the House")
    expect(front.locator("#welcome")).to_contain_text("You are signed in as Hana of the House")


def test_no_name_is_refused_in_place(hana: BrowserWindow) -> None:
    page = hana.open("/account")
    name = page.get_by_label("Display name")
    name.fill("   ")
    name.press("Enter")

    expect(page.get_by_text("Please type a name.")).to_be_visible()
    expect(name).to_be_focused()
    expect(name).to_have_value("   ")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(menu(page)).to_contain_text("Hi, Hana Example")


def test_what_is_being_typed_survives_a_change_of_the_session(hana: BrowserWindow) -> None:
    page = hana.open("/account")
    name = page.get_by_label("Display name")
    name.fill("half a na")
    change(page)
    settle(page)

    expect(name).to_have_value("half a na")
    expect(name).to_be_focused()


def test_the_focus_stays_where_it_was_when_the_parts_are_drawn_anew(hana: BrowserWindow, phone: BrowserWindow) -> None:
    page = hana.open("/account")
    end = sessions(page).get_by_role("button", name="End the session on Safari on iPhone")
    end.focus()
    page.evaluate("window.old = document.getElementById('account-sessions')")
    change(page)
    settle(page)

    assert page.evaluate("!window.old.isConnected")
    expect(end).to_be_focused()


def test_the_focus_goes_to_the_part_when_what_had_it_is_gone(hana: BrowserWindow, phone: BrowserWindow) -> None:
    page = hana.open("/account")
    sessions(page).get_by_role("button", name="End the session on Safari on iPhone").focus()
    there = phone.open("/")
    open_menu(there)
    press(there, "Sign out")
    expect(menu(there, "unauthenticated")).to_be_visible()
    change(page)

    expect(sessions(page)).not_to_contain_text("Safari")
    expect(page.get_by_role("heading", name="Where you are signed in")).to_be_focused()


def test_the_page_needs_only_a_keyboard(hana: BrowserWindow, phone: BrowserWindow) -> None:
    page = hana.open("/account")
    tab_to(page, page.get_by_label("Display name"))
    tab_to(page, sessions(page).get_by_role("button", name="End the session on Safari on iPhone"))
    page.keyboard.press("Enter")
    told(page, "The session has been ended.")
    tab_to(page, page.get_by_role("link", name="Delete my account"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("link", name="Keep my account"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")


def test_a_way_in_is_unlinked_and_other_sessions_ended_on_offer(hana: BrowserWindow, phone: BrowserWindow) -> None:
    link_github(come_in(hana))
    page = hana.open("/account")
    press(page, "Unlink GitHub")
    told(page, "Unlinked. It can no longer be used to sign in here.")
    expect(part(page, "Ways to sign in").get_by_role("button", name="Unlink")).to_have_count(0)
    expect(part(page, "Ways to sign in").get_by_role("button", name="Link GitHub")).to_be_visible()
    expect(part(page, "Recent activity")).to_contain_text("Unlinked GitHub")

    press(page, "End all other sessions")
    told(page, "You are signed out everywhere else.")
    expect(sessions(page).get_by_role("listitem")).to_have_count(1)
    expect(part(page, "Recent activity")).to_contain_text("The session on Safari on iPhone was ended")


def test_somebody_who_signed_in_a_while_ago_confirms_it_in_a_second_window_and_it_is_done(hana: BrowserWindow) -> None:
    browser = come_in(hana)
    link_github(browser)
    make_stale(hana, browser)
    page = hana.open("/account")
    press(page, "Unlink GitHub")
    expect(page.get_by_role("dialog", name="Please confirm that it is you")).to_be_visible()
    with page.expect_popup() as opened:
        press(page, "Sign in")
    with opened.value.expect_event("close"):
        press(opened.value, "Sign in with Development")
        press(opened.value, "Hana Example")

    told(page, "Unlinked. It can no longer be used to sign in here.")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_account_deleted_after_confirming_in_a_second_window_says_goodbye(hana: BrowserWindow) -> None:
    browser = come_in(hana)
    page = hana.open("/account/delete")
    make_stale(hana, browser)
    press(page, "Delete my account for good")
    dialog = page.get_by_role("dialog", name="Please confirm that it is you")
    expect(dialog).to_be_visible()
    expect(dialog).not_to_contain_text("typed")
    with page.expect_popup() as opened:
        press(page, "Sign in")
    with opened.value.expect_event("close"):
        press(opened.value, "Sign in with Development")
        press(opened.value, "Hana Example")

    page.wait_for_url("**/?account=deleted")
    expect(page.get_by_text("Your account has been deleted")).to_be_visible()


def test_an_account_is_deleted_and_every_window_knows(hana: BrowserWindow, phone: BrowserWindow) -> None:
    private, page = phone.open("/dashboard"), hana.open("/account")
    page.get_by_role("link", name="Delete my account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete your account?")
    press(page, "Delete my account for good")

    expect(page.get_by_text("Your account has been deleted")).to_be_visible()
    expect(menu(page, "unauthenticated")).to_be_visible()
    reappear(private)
    private.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdashboard")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_text("Hana")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_jumps_on_load_or_after_a_refresh(hana: BrowserWindow, phone: BrowserWindow, width: int) -> None:
    hana.context.add_init_script(WATCH_SHIFTS)
    page = hana.context.new_page()
    resize(page, width)
    page.goto("/account")
    change(page)
    settle(page)

    assert page.evaluate("shift") < 0.02


def test_everything_works_without_javascript(open_window: OpenWindow, empty_house: Flask) -> None:
    window = open_window(empty_house, java_script_enabled=False)
    window.forgive("status of 4(09|22)")
    link_github(come_in(window))
    visitor(window.app, device=PHONE)
    visitor(window.app, device=PHONE)
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
