"""Forms, links and media of pages that extend the layout work as their developer expects."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.browser_window import FAILED_REQUEST, UNAUTHORIZED, BrowserWindow
from tests.e2e.page_actions import choose_user, press


def test_a_form_that_deletes_sends_its_token_and_shows_it_in_no_url(pages_window: BrowserWindow) -> None:
    page = pages_window.open("/written/public")
    press(page, "Delete item")
    expect(page.locator("#text")).to_have_text("Deleted 7")
    press(page, "Search")
    expect(page.locator("#text")).to_have_text("The list")

    assert any(request.startswith("DELETE /written/item") for request in pages_window.requests)
    assert not any("csrfToken" in request for request in pages_window.requests)


def test_the_address_bar_follows(pages_window: BrowserWindow) -> None:
    page = pages_window.open("/written/public")
    press(page, "Show list")
    expect(page).to_have_url(f"{pages_window.origin}/written/list")
    expect(page.locator("#text")).to_have_text("The list")
    page.go_back()

    expect(page).to_have_url(f"{pages_window.origin}/written/public")
    expect(page.locator("#text")).to_have_text("Goods for all")


@pytest.mark.parametrize("signed_in_before", [False, True], ids=["never signed in", "signed out elsewhere"])
def test_a_private_fragment_asks_to_sign_in(pages_window: BrowserWindow, signed_in_before: bool) -> None:
    pages_window.allow_errors(f"{UNAUTHORIZED}|{FAILED_REQUEST}")
    if signed_in_before:
        pages_window.sign_in()
    page = pages_window.open("/written/public")
    pages_window.sign_out()
    press(page, "Show mine")

    title = "You have been signed out" if signed_in_before else "Sign in to continue"
    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(title)
    with page.expect_popup() as popup:
        page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    choose_user(popup.value)
    expect(page.locator("#text")).to_have_text("Your orders")


def test_without_broadcast_channel_the_request_is_sent_after_signing_in(pages_window: BrowserWindow) -> None:
    pages_window.allow_errors(f"{UNAUTHORIZED}|{FAILED_REQUEST}")
    pages_window.context.add_init_script("delete window.BroadcastChannel")
    page = pages_window.open("/written/public")
    press(page, "Show mine")
    with page.expect_popup() as popup:
        page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    with popup.value.expect_event("close"):
        choose_user(popup.value)
    page.evaluate("dispatchEvent(new Event('focus'))")

    expect(page.locator("#text")).to_have_text("Your orders")


def test_frames_plugins_and_media_of_the_own_origin_are_shown(pages_window: BrowserWindow) -> None:
    page = pages_window.open("/written/public")

    expect(page.frame_locator("iframe").get_by_text("framed")).to_be_visible()
    page.wait_for_load_state("networkidle")
    framed = [frame for frame in page.frames if frame.url.endswith("/written/frame")]
    assert [frame.locator("p").text_content() for frame in framed] == ["framed", "framed"]
    assert (
        page.evaluate(
            """() => new Promise((resolve) => {
            const audio = document.querySelector("audio");
            audio.onerror = () => resolve("error");
            audio.oncanplaythrough = () => resolve("playable");
            audio.load();
        })"""
        )
        == "playable"
    )
