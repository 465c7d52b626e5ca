"""From the menu to the provider's own sign-out and back, in a real browser, which holds forms to our policy (H1, O19)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page

from tests.e2e.browser_window import REFUSED, BrowserWindow, menu, sign_out
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.provider_client import ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider

GOODBYE = "<!doctype html><title>The provider</title><p>You are signed out there"
LEFT = "left the house"


@pytest.fixture(name="op", scope="module")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


@pytest.fixture(name="far_house", scope="module")
def _far_house(op: FaultyProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A house whose people sign out at their provider too."""
    with live_server(tmp_path_factory.mktemp("far"), **provider_env(op), AUTH_OIDC_SIGN_OUT="provider") as app:
        yield app


def enter(window: BrowserWindow, op: FaultyProvider) -> None:
    """By the front door of that provider, but without looking."""
    visitor = ProviderClient(window.app, op)
    visitor.sign_in_as(picture=None)
    name = visitor.options.cookie_names.session
    value = visitor.cookie(name)
    assert value is not None
    window.context.add_cookies([{"name": name, "value": value, "url": window.origin}])


def press_sign_out(page: Page) -> None:
    page.locator("#user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()


@pytest.mark.parametrize("is_known", [True, False])
def test_without_scripts_the_form_leads_to_the_provider_and_back(
    open_window: OpenWindow, far_house: Flask, op: FaultyProvider, is_known: bool
) -> None:
    window = open_window(far_house, java_script_enabled=False)
    window.forgive(LEFT)
    enter(window, op)
    if not is_known:
        house = far_house.extensions["genkan"]
        house.core.cache.delete(f"metadata:oidc:{op.issuer}")
    before = op.count("/end-session")
    page = window.open("/dashboard")
    press_sign_out(page)
    page.wait_for_url(f"{window.origin}/")

    assert op.count("/end-session") == before + 1
    assert menu(page, "unauthenticated").is_visible()


def test_a_browser_would_stop_it_if_our_policy_did_not_let_it_through(
    open_window: OpenWindow, far_house: Flask, op: FaultyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the test above means something; and whatever becomes of the way, they are signed out here."""
    monkeypatch.setattr(far_house.extensions["genkan"].headers, "_signed_in_policy", None)
    window = open_window(far_house, java_script_enabled=False)
    window.forgive("form-action")
    enter(window, op)
    before = op.count("/end-session")
    page = window.open("/dashboard")
    with page.expect_console_message(lambda said: "form-action" in said.text):
        press_sign_out(page)
    page.goto("/")

    assert op.count("/end-session") == before
    assert menu(page, "unauthenticated").is_visible()


@pytest.mark.parametrize("htmx", ["4.0.1", "2.0.11"])
def test_with_scripts_the_page_goes_there_and_the_other_tabs_are_told_at_once(
    open_window: OpenWindow, far_house: Flask, op: FaultyProvider, htmx: str
) -> None:
    """Also when they never come back from there."""
    window = open_window(far_house, htmx)
    window.forgive(f"{LEFT}|{REFUSED}")
    enter(window, op)
    public, private, page = window.open("/"), window.open("/dashboard"), window.open("/dashboard")
    window.context.route("**/end-session?**", lambda route: route.fulfill(body=GOODBYE, content_type="text/html"))
    sign_out(page)
    page.get_by_text("You are signed out there").wait_for()

    menu(public, "unauthenticated").wait_for(state="attached")
    private.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdashboard")


@pytest.mark.parametrize("htmx", ["4.0.1", "2.0.11"])
def test_with_scripts_the_way_leads_back_too(
    open_window: OpenWindow, far_house: Flask, op: FaultyProvider, htmx: str
) -> None:
    window = open_window(far_house, htmx)
    window.forgive(LEFT)
    enter(window, op)
    page = window.open("/dashboard")
    sign_out(page)
    page.wait_for_url(f"{window.origin}/")

    assert menu(page, "unauthenticated").is_visible()
    assert any(line.startswith("GET /api/auth/signout/return?state=") for line in window.requests)
