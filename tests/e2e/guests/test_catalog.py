"""The catalog: cached pages and fragments show no other reader, and forms have the token of Flask-WTF."""

from __future__ import annotations

import sys

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.guests.conftest import sign_in
from tests.e2e.page_actions import expect_url, menu, press
from tests.guests.applications import CATALOG
from tests.guests.guest import Guest

MENU = "GET /genkan/menu"


@pytest.fixture(name="guest", scope="module")
def _guest() -> Guest:
    return CATALOG


def add_book(app: Flask, title: str) -> int:
    """Add a book. Return its key."""
    catalog = sys.modules["catalog"]
    with app.app_context():
        book = sys.modules["catalog.models"].Book(title=title)
        catalog.db.session.add(book)
        catalog.db.session.commit()
        catalog.cache.clear()
        key: int = book.id
    return key


def log_in(page: Page, name: str) -> None:
    """Register with a password, and log in with it."""
    for path in ("/register", "/login"):
        page.goto(path)
        page.get_by_label("E-mail").fill(f"{name}@example.org")
        page.get_by_label("Password").fill("secret")
        press(page, "Continue")
        expect_url(page, "**/login" if path == "/register" else "**/account")


def test_a_cached_fragment_and_a_cached_page_do_not_show_the_reader(
    window: BrowserWindow, open_window: OpenWindow
) -> None:
    page = sign_in(window)
    page.goto("/about")
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    other = open_window()
    anonymous = other.open("/about")
    expect(menu(anonymous, "unauthenticated")).to_have_text("Sign in")
    assert "Hana" not in anonymous.content()
    anonymous.goto("/")
    assert "Hana" not in anonymous.content()
    sign_in(other, name="Alex Admin").goto("/about")

    page.reload()
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    assert window.count(MENU) == 2  # the cached page is the same for every reader, so it loads its menu
    assert "Alex" not in page.content()


def test_forms_with_the_token_of_flask_wtf(window: BrowserWindow, live_app: Flask) -> None:
    first, second = add_book(live_app, "Emma"), add_book(live_app, "Dune")
    page = sign_in(window)
    log_in(page, "emma")
    page.goto(f"/book/{first}")
    press(page, "Reserve")
    expect(page.locator("main li")).to_contain_text("Emma")
    page.goto(f"/book/{second}")
    page.get_by_role("link", name="Reserve without leaving this page").click()

    expect(page.locator("#quick")).to_have_text("Reserved.")
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")


def test_the_toolbar_is_on_the_application_s_pages_only(window: BrowserWindow) -> None:
    page = sign_in(window)
    expect(page.locator("#flDebug")).to_have_count(1)
    page.goto("/genkan/account")
    expect(page.locator("#flDebug")).to_have_count(0)
