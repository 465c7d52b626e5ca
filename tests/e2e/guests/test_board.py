"""The board: boosted links, fragments and a question before a deletion, with the menu on every page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.guests.conftest import sign_in
from tests.e2e.page_actions import menu, open_menu, press
from tests.guests.applications import BOARD
from tests.guests.guest import Guest


@pytest.fixture(name="guest", scope="module")
def _guest() -> Guest:
    return BOARD


def register(page: Page, name: str) -> None:
    """Register with the board's own form."""
    page.goto("/login")
    page.get_by_label("New name").fill(name)
    page.get_by_label("New password").fill("secret")
    press(page, "Register")
    page.get_by_text(f"Welcome, {name}").wait_for()


def begin_topic(page: Page, subject: str) -> None:
    """Begin a topic. The form is boosted."""
    page.goto("/")
    page.get_by_label("Subject").fill(subject)
    press(page, "Begin a topic")
    page.get_by_role("heading", name=subject).wait_for()


def test_a_boosted_link_keeps_the_menu(window: BrowserWindow) -> None:
    page = sign_in(window)
    begin_topic(page, "Soup")
    page.goto("/")
    page.evaluate("window.same = true")
    page.get_by_role("link", name="Soup").click()
    page.get_by_role("heading", name="Soup").wait_for()

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    expect(menu(page)).to_have_count(1)
    open_menu(page)
    press(page, "Sign out")
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(page.get_by_role("heading", name="Soup")).to_be_visible()
    assert page.evaluate("window.same")
    assert page.evaluate("window.pages") > 1


def test_a_page_that_htmx_restores_has_the_menu_of_now(window: BrowserWindow) -> None:
    page = sign_in(window)
    begin_topic(page, "Tea")
    page.goto("/")
    page.get_by_role("link", name="Tea").click()
    page.get_by_role("heading", name="Tea").wait_for()
    open_menu(page)
    press(page, "Sign out")
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    page.go_back()
    page.get_by_label("Subject").wait_for()

    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
    expect(menu(page)).to_have_count(1)


def test_a_deletion_asks_first(window: BrowserWindow) -> None:
    page = sign_in(window)
    register(page, "asked")
    begin_topic(page, "Bread")
    questions: list[str] = []

    def refuse(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", refuse)
    press(page, "Delete")
    expect(page.get_by_role("heading", name="Bread")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    press(page, "Delete")

    page.get_by_label("Subject").wait_for()
    expect(page.get_by_role("link", name="Bread")).to_have_count(0)
    assert questions == ["Delete this topic?"]


def test_fragments_of_the_board(window: BrowserWindow) -> None:
    page = sign_in(window)
    register(page, "fragments")
    begin_topic(page, "Salad")
    page.get_by_label("Message").fill("With oil")
    press(page, "Reply")
    expect(page.locator("blockquote")).to_contain_text("With oil")
    begin_topic(page, "Cake")
    page.goto("/")
    page.get_by_label("Search").press_sequentially("Cak")

    expect(page.get_by_role("link", name="Salad")).to_have_count(0)
    expect(page.get_by_role("link", name="Cake")).to_be_visible()
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
