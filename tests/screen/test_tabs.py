"""Several tabs of one browser agree on who is signed in."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.screen.conftest import OpenWindow
from tests.screen.window import FAILED_REQUEST, REFUSED, Window, menu, pick, settle, sign_out, wait_until

SOON = 2000
"""Milliseconds within which another tab has followed."""

MENU = "GET /partials/user-menu"


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


def test_signing_out_in_one_tab_reaches_the_others_within_two_seconds(either: Window) -> None:
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


def test_signing_in_in_one_tab_reaches_the_others_within_two_seconds(either: Window) -> None:
    front, door = either.open("/"), either.open("/api/auth/signin?callbackUrl=%2Fdashboard")
    here = either.open("/dashboard")
    pick(here)
    expect(menu(here, "authenticated")).to_be_visible()

    expect(menu(front, "authenticated")).to_contain_text("Hi, Hana Example", timeout=SOON)
    expect(front.locator("#welcome")).to_contain_text("You are signed in as Hana Example", timeout=SOON)
    expect(door.get_by_text("You are signed in as Hana Example")).to_be_visible(timeout=SOON)


def test_signing_in_as_somebody_else_redraws_private_pages(either: Window) -> None:
    either.sign_in()
    private = either.open("/dashboard")
    either.sign_in("Alex Admin")
    either.open("/")

    expect(private.get_by_role("heading", level=1)).to_have_text("Welcome, Alex Admin", timeout=SOON)


def test_a_tab_tells_in_the_words_of_authjs_and_once(either: Window) -> None:
    either.sign_in()
    listener, here = either.open("/health/live"), either.open("/")
    listen(listener)
    sign_out(here)
    expect(menu(here, "unauthenticated")).to_be_visible()
    wait_until(listener, "heard.length")
    settle(here)

    assert listener.evaluate("heard") == [{"event": "session", "data": {"trigger": "signout"}}]


def test_what_another_tab_said_is_not_said_again(either: Window) -> None:
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


def test_a_tab_that_comes_to_the_front_asks_but_not_all_the_time(either: Window) -> None:
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


def test_a_private_page_brought_back_is_covered_until_the_server_has_spoken(either: Window) -> None:
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


def test_a_private_page_brought_back_offline_shows_nothing(either: Window) -> None:
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
