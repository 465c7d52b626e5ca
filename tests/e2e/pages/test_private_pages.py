"""A page of a private view is left when its user signs out elsewhere. Its template has no attribute for that."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import UNAUTHORIZED, BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import dispatch_visibility_change, expect_url, menu, sign_out

ORDERS = "Orders of Hana Example"


def open_and_sign_out_elsewhere(window: BrowserWindow, path: str) -> Page:
    window.allow_errors(UNAUTHORIZED)
    window.sign_in()
    page, other = window.open(path), window.open("/")
    sign_out(other)
    return page


def test_a_private_page_is_left(pages_window: BrowserWindow) -> None:
    page = open_and_sign_out_elsewhere(pages_window, "/written/private")

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fwritten%2Fprivate")
    expect(page.get_by_text(ORDERS)).to_have_count(0)


def test_a_public_page_stays(pages_window: BrowserWindow) -> None:
    page = open_and_sign_out_elsewhere(pages_window, "/written/public")

    expect(menu(page, "unauthenticated")).to_be_visible()
    expect(page.get_by_text("Goods for all")).to_be_visible()
    expect(page).to_have_url(f"{pages_window.origin}/written/public")


def test_a_boosted_link_changes_what_the_page_is(pages_window: BrowserWindow) -> None:
    pages_window.allow_errors(UNAUTHORIZED)
    pages_window.sign_in()
    page, other = pages_window.open("/written/public"), pages_window.open("/written/private")
    page.get_by_role("link", name="Private page").click()
    other.get_by_role("link", name="Public page").click()
    expect(page.get_by_text(ORDERS)).to_be_visible()
    expect(page).to_have_url(f"{pages_window.origin}/written/private")
    expect(other.get_by_text("Goods for all")).to_be_visible()
    sign_out(pages_window.open("/"))

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fwritten%2Fprivate")
    expect(menu(other, "unauthenticated")).to_be_visible()
    expect(other).to_have_url(f"{pages_window.origin}/written/public")


def test_a_private_page_without_a_menu_is_loaded_again_after_back(pages_window: BrowserWindow) -> None:
    pages_window.allow_errors(UNAUTHORIZED)
    pages_window.sign_in()
    page = pages_window.open("/written/private")
    pages_window.fulfill(
        "**/written/without",
        body="<!doctype html><title>a</title><body data-private><main>Mine</main>"
        '<script type="module" src="/genkan/static/js/session.js"></script>',
        content_type="text/html",
    )
    page.goto("/written/without")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    with page.expect_navigation():
        page.evaluate("setTimeout(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))")

    expect(page.get_by_text("Mine")).to_be_visible()


def test_a_private_page_from_the_cache_for_back_is_left_without_htmx(pages_window: BrowserWindow) -> None:
    """The menu can't be fetched, so the page is loaded again."""
    pages_window.allow_errors()
    pages_window.context.route("**/vendor/htmx*", lambda route: route.fulfill(body=""))
    pages_window.sign_in()
    page = pages_window.open("/written/private")
    pages_window.sign_out()
    pages_window.fulfill("**/partials/user-menu", status=503, body="")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    expect(page.get_by_text(ORDERS)).to_be_hidden()
    page.evaluate("setTimeout(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))")

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fwritten%2Fprivate")


def test_a_private_page_whose_menu_has_no_link_is_left(pages_window: BrowserWindow) -> None:
    pages_window.allow_errors(UNAUTHORIZED)
    pages_window.sign_in()
    page = pages_window.open("/written/private")
    pages_window.sign_out()
    menu_without_link = (
        '<div id="user-menu" data-status="unauthenticated" data-session=""><button>Sign in</button></div>'
    )
    pages_window.fulfill("**/partials/user-menu", body=menu_without_link, content_type="text/html")
    dispatch_visibility_change(page)

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fwritten%2Fprivate")


@pytest.mark.parametrize("swap", ["innerMorph", "outerMorph"])
def test_a_public_page_that_is_changed_in_place_into_a_private_one_is_left(
    open_window: OpenWindow, pages_app: Flask, swap: str
) -> None:
    window = open_window(pages_app)
    window.allow_errors(UNAUTHORIZED)
    window.sign_in()
    page, other = window.open("/written/public"), window.open("/")
    page.evaluate("window.kept = document.getElementById('user-menu')")
    page.evaluate("(swap) => htmx.ajax('GET', '/written/private', { target: 'body', swap })", swap)
    expect(page.get_by_text(ORDERS)).to_be_visible()
    assert page.evaluate("kept === document.getElementById('user-menu')")
    sign_out(other)

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text(ORDERS)).to_have_count(0)


def test_a_session_that_ended_is_noticed_when_the_page_is_visible(pages_window: BrowserWindow) -> None:
    pages_window.allow_errors(UNAUTHORIZED)
    pages_window.sign_in()
    page = pages_window.open("/written/private")
    pages_window.sign_out()
    dispatch_visibility_change(page)

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fwritten%2Fprivate")
