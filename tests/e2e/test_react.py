"""A React front end made with the real next-auth/react shares our sign-in, unchanged, and its tabs keep in step with ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, Response
from playwright.sync_api import Page, expect

from genkan import public
from tests.e2e.browser_window import REFUSED, BrowserWindow, menu, pick, press, sign_out
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.servers.node import react

SOON = 2000
"""Milliseconds within which another tab has followed."""


@pytest.fixture(name="shared_house", scope="module")
def _shared_house(tmp_path_factory: pytest.TempPathFactory, react_script: Path) -> Iterator[Flask]:
    """A house with a page drawn by React at /react, under our own headers."""
    script, page = react_script.read_bytes(), react.page("/react.js")
    with live_server(tmp_path_factory.mktemp("shared")) as app:
        app.add_url_rule("/react", "react", public(lambda: Response(page)))
        app.add_url_rule("/react.js", "script", public(lambda: Response(script, content_type="text/javascript")))
        app.add_url_rule("/favicon.ico", "icon", public(lambda: Response(status=204)))  # that page names no other
        yield app


@pytest.fixture(name="shared", params=["4.0.1", "2.0.11"])
def _shared(open_window: OpenWindow, shared_house: Flask, request: pytest.FixtureRequest) -> BrowserWindow:
    return open_window(shared_house, request.param)


def expect_react(page: Page, status: str) -> None:
    expect(page.locator("#react-status")).to_have_text(status, timeout=SOON)


def test_react_tabs_and_ours_keep_in_step(shared: BrowserWindow) -> None:
    shared.forgive(REFUSED)
    ours, theirs = shared.open("/"), shared.open("/react")
    expect_react(theirs, "unauthenticated")

    here = shared.open("/dashboard")
    pick(here)
    expect(menu(here, "authenticated")).to_be_visible()
    expect_react(theirs, "authenticated")
    expect(theirs.locator("#react-name")).to_have_text("Hana Example")
    expect(menu(ours, "authenticated")).to_be_visible(timeout=SOON)

    theirs.bring_to_front()
    theirs.click("#react-sign-out-in-place")
    expect_react(theirs, "unauthenticated")
    expect(menu(ours, "unauthenticated")).to_be_visible(timeout=SOON)
    here.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdashboard", timeout=SOON)


def test_signing_out_with_our_menu_reaches_react(shared: BrowserWindow) -> None:
    shared.sign_in()
    ours, theirs = shared.open("/"), shared.open("/react")
    expect_react(theirs, "authenticated")
    sign_out(ours)

    expect(menu(ours, "unauthenticated")).to_be_visible()
    expect_react(theirs, "unauthenticated")


def test_signing_in_with_react_reaches_our_tabs(shared: BrowserWindow) -> None:
    ours, theirs = shared.open("/"), shared.open("/react?provider=development")
    expect_react(theirs, "unauthenticated")
    theirs.click("#react-sign-in")
    theirs.get_by_text("Who do you want to be?").wait_for()
    press(theirs, "Hana Example")
    theirs.wait_for_url("**/react?provider=development")
    expect_react(theirs, "authenticated")

    theirs.click("#react-ask")
    expect(menu(ours, "authenticated")).to_contain_text("Hi, Hana Example", timeout=SOON)


def test_react_signs_in_by_way_of_our_own_page(open_window: OpenWindow, shared_house: Flask) -> None:
    page = open_window(shared_house).open("/react")
    expect_react(page, "unauthenticated")
    page.click("#react-sign-in")
    page.wait_for_url("**/api/auth/signin?callbackUrl=*")
    pick(page)
    page.wait_for_url("**/react")

    expect_react(page, "authenticated")


def test_react_updates_the_session_and_changes_nothing_it_may_not(open_window: OpenWindow, shared_house: Flask) -> None:
    window = open_window(shared_house)
    window.sign_in()
    page = window.open("/react")
    expect_react(page, "authenticated")
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.click("#react-update")

    assert answer.value.url == f"{window.origin}/api/auth/session"
    assert answer.value.json()["user"]["name"] == "Hana Example"  # our jwt callback takes no names from clients
    expect_react(page, "authenticated")
    expect(page.locator("#react-name")).to_have_text("Hana Example")


def test_react_signs_out_and_comes_back(open_window: OpenWindow, shared_house: Flask) -> None:
    window = open_window(shared_house)
    window.sign_in()
    page = window.open("/react")
    expect_react(page, "authenticated")
    with page.expect_navigation(url="**/react"):
        page.click("#react-sign-out")

    expect_react(page, "unauthenticated")
    assert window.asked("POST /api/auth/signout") == 1
