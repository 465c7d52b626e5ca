"""Several tabs of one browser agree on who is signed in."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import FAILED_REQUEST, REFUSED, BrowserWindow, menu, pick, settle, sign_out, wait_until
from tests.e2e.conftest import OpenWindow

SOON = 2000
"""Milliseconds within which another tab has followed."""

MENU = "GET /partials/user-menu"
MENU_ADDRESS = "**/partials/user-menu"


def reappear(page: Page) -> None:
    """What a tab hears when it comes to the front: headless tabs are always there."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def listen(page: Page) -> None:
    """From now on `heard` is what other tabs have said."""
    page.evaluate(
        """() => {
            window.heard = [];
            window.channel = new BroadcastChannel("next-auth");
            channel.onmessage = ({ data }) => heard.push(data);
        }"""
    )


def hear(page: Page, *events: str) -> None:
    """What a page hears of the back/forward cache, which Playwright's Chromium does not have."""
    for event in events:
        page.evaluate("(name) => dispatchEvent(new PageTransitionEvent(name, { persisted: true }))", event)


def test_signing_out_in_one_tab_reaches_the_others_within_two_seconds(either: BrowserWindow) -> None:
    either.forgive(REFUSED)
    either.sign_in()
    front, about, private = either.open("/"), either.open("/about"), either.open("/dashboard")
    expect(menu(about, "authenticated")).to_be_visible()
    here = either.open("/")
    sign_out(here)
    expect(menu(here, "unauthenticated")).to_be_visible()

    for other in (front, about):
        expect(menu(other, "unauthenticated")).to_be_visible(timeout=SOON)
    expect(front.locator("#welcome")).to_contain_text("You are not signed in yet", timeout=SOON)
    private.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdashboard", timeout=SOON)


def test_signing_in_in_one_tab_reaches_the_others_within_two_seconds(either: BrowserWindow) -> None:
    front, door = either.open("/"), either.open("/api/auth/signin?callbackUrl=%2Fdashboard")
    here = either.open("/dashboard")
    pick(here)
    expect(menu(here, "authenticated")).to_be_visible()

    expect(menu(front, "authenticated")).to_contain_text("Hi, Hana Example", timeout=SOON)
    expect(front.locator("#welcome")).to_contain_text("You are signed in as Hana Example", timeout=SOON)
    expect(door.get_by_text("You are signed in as Hana Example")).to_be_visible(timeout=SOON)


def test_signing_in_as_somebody_else_redraws_private_pages(either: BrowserWindow) -> None:
    either.sign_in()
    private = either.open("/dashboard")
    either.sign_in("Alex Admin")
    either.open("/")

    expect(private.get_by_role("heading", level=1)).to_have_text("Welcome, Alex Admin", timeout=SOON)


def test_a_tab_tells_in_the_words_of_authjs_and_once(either: BrowserWindow) -> None:
    either.sign_in()
    listener, here = either.open("/health/live"), either.open("/")
    listen(listener)
    sign_out(here)
    expect(menu(here, "unauthenticated")).to_be_visible()
    wait_until(listener, "heard.length")
    settle(here)

    assert listener.evaluate("heard") == [{"event": "session", "data": {"trigger": "signout"}}]


def test_what_another_tab_said_is_not_said_again(either: BrowserWindow) -> None:
    either.sign_in()
    first, second, listener = either.open("/"), either.open("/"), either.open("/health/live")
    listen(listener)
    either.sign_out()
    listener.evaluate(
        "new BroadcastChannel('next-auth').postMessage({ event: 'session', data: { trigger: 'getSession' } })"
    )
    for page in (first, second):
        expect(menu(page, "unauthenticated")).to_be_visible(timeout=SOON)
        settle(page)

    assert len(listener.evaluate("heard")) == 1
    assert either.asked(MENU) == 2


def test_a_tab_that_comes_to_the_front_asks_but_not_all_the_time(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.context.new_page()
    page.clock.install()
    page.goto("/")
    either.sign_out()
    reappear(page)
    expect(menu(page, "unauthenticated")).to_be_visible()

    either.sign_in()
    reappear(page)
    settle(page)
    assert either.asked(MENU) == 1
    page.clock.fast_forward("00:06")
    reappear(page)
    expect(menu(page, "authenticated")).to_be_visible()


def test_a_private_page_brought_back_is_covered_until_the_server_has_spoken(either: BrowserWindow) -> None:
    either.sign_in()
    page = either.open("/dashboard")
    welcome = page.get_by_text("Welcome, Hana Example")
    hear(page, "pagehide")
    expect(welcome).to_be_hidden()
    hear(page, "pageshow")
    expect(welcome).to_be_visible()

    let_go = either.hold("**/partials/*")
    hear(page, "pageshow")
    expect(welcome).to_be_hidden()
    let_go()
    expect(welcome).to_be_visible()

    either.forgive()
    either.sign_out()
    hear(page, "pagehide", "pageshow")
    page.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdashboard")


def test_a_private_page_brought_back_offline_shows_nothing(either: BrowserWindow) -> None:
    either.forgive(f"ERR_INTERNET_DISCONNECTED|{FAILED_REQUEST}")
    either.sign_in()
    page = either.open("/dashboard")
    either.context.set_offline(True)
    hear(page, "pagehide", "pageshow")

    expect(page.get_by_text("Welcome, Hana Example")).to_have_count(0)


@pytest.mark.parametrize("scripted", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_back_after_signing_out_shows_nothing_private(open_window: OpenWindow, scripted: bool) -> None:
    window = open_window(java_script_enabled=scripted)
    window.sign_in()
    page = window.open("/")
    page.goto("/dashboard")
    page.goto("/about")
    page.goto("/")
    sign_out(page)
    expect(menu(page, "unauthenticated")).to_be_visible()

    for _ in range(2 if scripted else 3):
        page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_text("Hana")).to_have_count(0)


def test_a_menu_drawn_before_somebody_signed_in_once_more_signs_out_in_place_all_the_same(
    either: BrowserWindow,
) -> None:
    """The sign-in has renewed the pair of CSRF tokens (C3), and told nobody, since it is the same person."""
    either.sign_in()
    page = either.open("/")
    page.evaluate("window.stays = true")
    pick(either.open("/api/auth/signin"))
    sign_out(page)

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    assert page.evaluate("window.stays")
    assert either.asked("POST /api/auth/signout") == 2


def test_a_menu_drawn_for_somebody_else_signs_out_nobody(either: BrowserWindow) -> None:
    """What it said when it was pressed was another name."""
    either.forgive()
    either.sign_in()
    page = either.open("/")
    let_go = either.hold(MENU_ADDRESS)
    pick(either.open("/api/auth/signin"), "Alex Admin")
    sign_out(page)
    page.wait_for_url("**/api/auth/signin?error=MissingCSRF")
    let_go()

    expect(menu(page, "authenticated")).to_contain_text("Hi, Alex Admin")


def test_a_new_name_reaches_the_heading_of_another_tab(either: BrowserWindow) -> None:
    either.sign_in()
    dashboard, account = either.open("/dashboard"), either.open("/account")
    account.get_by_label("Display name").fill("Hana of the House")
    account.get_by_role("button", name="Save").click()

    expect(dashboard.get_by_role("heading", level=1)).to_have_text("Welcome, Hana of the House", timeout=SOON)
