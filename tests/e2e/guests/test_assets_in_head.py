"""A layout with style sheet and script of the menu in its head: nothing moves while the page loads."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from genkan.settings.environment import ROOT
from tests.e2e.browser_window import BrowserWindow
from tests.e2e.guests.conftest import sign_in
from tests.e2e.page_actions import WATCH_SHIFTS, load, menu, open_menu, press
from tests.guests.applications import BOARD
from tests.guests.guest import Guest

LAYOUT = "board/templates/base.html"


@pytest.fixture(name="guest", scope="module")
def _guest() -> Guest:
    """Return the board with the lines of the documentation in its layout."""
    [html] = re.findall(r"```html\n(<link.*?)```", (ROOT / "docs/how-to/show-the-user-menu.md").read_text(), re.DOTALL)
    changes = [
        (before, after.replace("user_menu()", "user_menu(assets=False)")) for before, after in BOARD.patch[LAYOUT]
    ]
    return replace(BOARD, patch={**BOARD.patch, LAYOUT: [*changes, ("</head>", f"{html}</head>")]})


def test_nothing_moves(window: BrowserWindow) -> None:
    sign_in(window).close()
    page = window.context.new_page()
    page.add_init_script(WATCH_SHIFTS)
    load(page, "/")

    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    assert page.locator("head link[href*=menu]").count() == page.locator("link[href*=menu]").count() == 1
    assert page.evaluate("window.shift") == 0
    open_menu(page)
    press(page, "Sign out")
    expect(menu(page, "unauthenticated")).to_have_text("Sign in")
