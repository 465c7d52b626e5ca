"""The journal: forms of Flask-WTF and the sign-in with Flask-Login, beside the menu."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.guests.conftest import sign_in
from tests.e2e.page_actions import expect_url, menu, open_menu, press
from tests.guests.applications import JOURNAL
from tests.guests.guest import Guest


@pytest.fixture(name="guest", scope="module")
def _guest() -> Guest:
    return JOURNAL


def log_in(page: Page, name: str) -> None:
    """Register with a password, and log in with it."""
    page.goto("/auth/register")
    page.get_by_label("Name").fill(name)
    page.get_by_label("E-mail").fill(f"{name}@example.org")
    page.get_by_label("Password", exact=True).fill("secret")
    page.get_by_label("Password again").fill("secret")
    press(page, "Register")
    expect_url(page, "**/auth/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill("secret")
    press(page, "Log in")
    page.get_by_role("link", name="Log out").wait_for()


def test_a_writer_with_a_password_posts_and_deletes(window: BrowserWindow) -> None:
    page = window.open()
    log_in(page, "ada")
    page.get_by_label("What happened today?").fill("It rained.")
    press(page, "Publish")
    expect(page.locator(".post")).to_contain_text("It rained.")
    press(page, "Delete")

    expect(page.locator(".post")).to_have_count(0)
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")


def test_the_menu_leaves_a_sign_in_with_a_password_alone(window: BrowserWindow) -> None:
    log_in(window.open(), "bob")
    page = sign_in(window)
    expect(page.get_by_role("link", name="bob")).to_be_visible()
    open_menu(page)
    press(page, "Sign out")
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    page.reload()

    expect(page.get_by_role("link", name="bob")).to_be_visible()


def test_a_writer_of_a_provider_posts_and_logs_out(window: BrowserWindow) -> None:
    page = sign_in(window)
    page.get_by_label("What happened today?").fill("The sun came out.")
    press(page, "Publish")
    expect(page.locator(".post")).to_contain_text("Hana Example")
    page.get_by_role("link", name="Log out").click()

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
