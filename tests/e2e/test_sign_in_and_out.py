"""Signing in and out in a browser, with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from genkan import User
from tests.e2e.browser_window import FAILED_REQUEST, UNAUTHORIZED, BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import choose_user, expect_url, menu, open_menu, press

SignInWith = Callable[..., User]

DEFAULT_AVATAR = re.compile("/static/img/default-avatar.svg")
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9H0z"/></svg>'


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_new_user_signs_in_opens_the_dashboard_and_signs_out(open_window: OpenWindow, javascript: bool) -> None:
    page = open_window(java_script_enabled=javascript).open("/")
    menu(page, "unauthenticated").get_by_role("link", name="Sign in").click()
    choose_user(page)

    expect(page.locator("#welcome")).to_contain_text("You are signed in as Hana Example")
    page.get_by_role("link", name="Go to your dashboard").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Hana Example")
    expect(page.locator("#session-card")).to_contain_text("hana@example.com")
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")

    page.goto("/")
    open_menu(page)
    press(page, "Sign out")
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(page.locator("#welcome")).to_contain_text("You are not signed in yet")
    page.goto("/dashboard")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_signing_out_on_a_public_page_stays_on_the_page(htmx_window: BrowserWindow, sign_in_with: SignInWith) -> None:
    page = htmx_window.open("/about")
    sign_in_with(page)
    page.goto("/")
    page.evaluate("window.same = true")
    open_menu(page)
    press(page, "Sign out")

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(page.locator("#welcome")).to_contain_text("You are not signed in yet")
    assert page.evaluate("window.same")
    assert page.url == f"{htmx_window.origin}/"


def test_signing_out_on_a_private_page_redirects_to_sign_in(
    htmx_window: BrowserWindow, sign_in_with: SignInWith
) -> None:
    htmx_window.allow_errors(UNAUTHORIZED)
    page = htmx_window.context.new_page()
    sign_in_with(page, email="ada@example.com", name="Ada")
    page.goto("/dashboard")
    expect(menu(page, "authenticated")).to_contain_text("Hi, Ada")
    open_menu(page)
    press(page, "Sign out")

    # Two parts of the page may lead there at once. Then the browser aborts the first navigation.
    expect(page).to_have_url(f"{htmx_window.origin}/api/auth/signin?callbackUrl=%2Fdashboard")
    expect(menu(page, "unauthenticated")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_deep_link_is_opened_after_signing_in(open_window: OpenWindow, javascript: bool) -> None:
    page = open_window(java_script_enabled=javascript).open("/dashboard?from=a&letter=%C3%A9")
    choose_user(page)

    expect_url(page, "**/dashboard?from=a&letter=%C3%A9")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Hana Example")


def test_signing_in_by_the_menu_returns_to_the_page(window: BrowserWindow) -> None:
    page = window.open("/about")
    menu(page, "unauthenticated").get_by_role("link").click()
    choose_user(page)

    expect_url(page, "**/about")
    expect(menu(page, "authenticated")).to_contain_text("Hana Example")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_sign_in_that_was_refused_at_the_provider_can_be_repeated(open_window: OpenWindow, javascript: bool) -> None:
    window = open_window(java_script_enabled=javascript)
    window.allow_errors(FAILED_REQUEST)
    page = window.open("/dashboard")
    press(page, "Sign in with")
    press(page, "Refuse")

    expect(page.get_by_role("alert")).to_contain_text("The sign-in was cancelled")
    if page.get_by_role("link", name="Try again").count():
        page.get_by_role("link", name="Try again").click()
    choose_user(page)
    expect(menu(page, "authenticated")).to_contain_text("Hana Example")


def test_the_development_provider_accepts_a_custom_user(window: BrowserWindow) -> None:
    window.fulfill(f"{window.origin}/picture.svg", body=PICTURE, content_type="image/svg+xml")
    page = window.open("/dashboard")
    press(page, "Sign in with")
    page.get_by_label("E-mail").fill("grace@example.org")
    page.get_by_label("Name").fill("Grace <b>& Co</b>")
    page.get_by_label("picture").fill(f"{window.origin}/picture.svg")
    press(page, "Continue")

    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Grace <b>& Co</b>")
    expect(page.locator("#session-card")).to_contain_text("grace@example.org")
    expect(page.get_by_alt_text("Profile picture")).to_have_attribute("src", f"{window.origin}/picture.svg")


def test_a_user_without_a_name_is_shown_by_email_address(window: BrowserWindow) -> None:
    page = window.open("/dashboard")
    press(page, "Sign in with")
    page.get_by_label("E-mail").fill("nameless@example.org")
    press(page, "Continue")

    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, nameless@example.org")
    expect(page.get_by_alt_text("Profile picture")).to_have_attribute("src", DEFAULT_AVATAR)
