"""The catalog: cached pages and fragments show no other reader, and forms have the token of Flask-WTF."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.guests.conftest import sign_in
from tests.e2e.page_actions import menu, press
from tests.guests.applications import CATALOG, find_books
from tests.guests.guest import Guest

MENU = "GET /genkan/menu"


@pytest.fixture(name="guest", scope="module")
def _guest() -> Guest:
    return CATALOG


@pytest.fixture(name="reader")
def _reader(window: BrowserWindow, live_app: Flask) -> Page:
    """Return a page of Hana, who is signed in by a provider and with a password. There are two books."""
    find_books(live_app, "Emma", "Dune")
    page = sign_in(window)
    page.goto("/register")
    page.get_by_label("E-mail").fill("reader@example.com")
    page.get_by_label("Password").fill("secret")
    press(page, "Continue")
    page.wait_for_url("**/login")
    page.get_by_label("E-mail").fill("reader@example.com")
    page.get_by_label("Password").fill("secret")
    press(page, "Continue")
    page.wait_for_url("**/account")
    return page
