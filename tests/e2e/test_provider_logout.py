"""RP-Initiated Logout in a real browser, which enforces `form-action` of the Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page

from tests.e2e.browser_window import OUTSIDE_REQUEST, UNAUTHORIZED, BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.e2e.page_actions import expect_url, menu, sign_out
from tests.provider_client import ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider

SIGNED_OUT_PAGE = "<!doctype html><title>The provider</title><p>You are signed out there"


@pytest.fixture(name="op", scope="module")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


@pytest.fixture(name="logout_app", scope="module")
def _logout_app(op: FaultyProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Start an application that signs users out at the provider too."""
    with live_server(tmp_path_factory.mktemp("far"), **provider_env(op), AUTH_OIDC_SIGN_OUT="provider") as app:
        yield app


def sign_in_at(window: BrowserWindow, op: FaultyProvider) -> None:
    """Sign in at this provider and give the window the session cookie, without opening a page."""
    client = ProviderClient(window.app, op)
    client.sign_in_as(picture=None)
    name = client.core.cookie_names.session
    value = client.cookie(name)
    assert value is not None
    window.context.add_cookies([{"name": name, "value": value, "url": window.origin}])


def press_sign_out(page: Page) -> None:
    page.locator("#user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()


@pytest.mark.parametrize("is_cached", [True, False])
def test_without_javascript_signing_out_redirects_to_the_provider_and_back(
    open_window: OpenWindow, logout_app: Flask, op: FaultyProvider, is_cached: bool
) -> None:
    window = open_window(logout_app, java_script_enabled=False)
    window.allow_errors(OUTSIDE_REQUEST)
    sign_in_at(window, op)
    if not is_cached:
        logout_app.extensions["genkan"].core.cache.delete(f"metadata:oidc:{op.issuer}")
    before = op.count("/end-session")
    page = window.open("/dashboard")
    press_sign_out(page)
    expect_url(page, f"{window.origin}/")

    assert op.count("/end-session") == before + 1
    assert menu(page, "unauthenticated").is_visible()


def test_a_browser_blocks_the_redirect_to_an_origin_that_form_action_does_not_name(
    open_window: OpenWindow, logout_app: Flask, op: FaultyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser blocks the redirect without the origin in `form-action`, and the session is revoked all the same."""
    monkeypatch.setattr(logout_app.extensions["genkan"].headers, "_signed_in_policy", None)
    window = open_window(logout_app, java_script_enabled=False)
    window.allow_errors("form-action")
    sign_in_at(window, op)
    before = op.count("/end-session")
    page = window.open("/dashboard")
    with page.expect_console_message(lambda message: "form-action" in message.text):
        press_sign_out(page)
    page.goto("/")

    assert op.count("/end-session") == before
    assert menu(page, "unauthenticated").is_visible()


@pytest.mark.parametrize("htmx", ["4.0.1", "2.0.11"])
def test_with_javascript_the_other_tabs_are_signed_out_before_the_provider_redirects_back(
    open_window: OpenWindow, logout_app: Flask, op: FaultyProvider, htmx: str
) -> None:
    """The provider's page does not redirect back in this test."""
    window = open_window(logout_app, htmx)
    window.allow_errors(f"{OUTSIDE_REQUEST}|{UNAUTHORIZED}")
    sign_in_at(window, op)
    public, private, page = window.open("/"), window.open("/dashboard"), window.open("/dashboard")
    window.context.route(
        "**/end-session?**", lambda route: route.fulfill(body=SIGNED_OUT_PAGE, content_type="text/html")
    )
    sign_out(page)
    page.get_by_text("You are signed out there").wait_for()

    menu(public, "unauthenticated").wait_for(state="attached")
    expect_url(private, "**/api/auth/signin?callbackUrl=%2Fdashboard")


@pytest.mark.parametrize("htmx", ["4.0.1", "2.0.11"])
def test_with_javascript_signing_out_redirects_to_the_provider_and_back(
    open_window: OpenWindow, logout_app: Flask, op: FaultyProvider, htmx: str
) -> None:
    window = open_window(logout_app, htmx)
    window.allow_errors(OUTSIDE_REQUEST)
    sign_in_at(window, op)
    page = window.open("/dashboard")
    sign_out(page)
    expect_url(page, f"{window.origin}/")

    assert menu(page, "unauthenticated").is_visible()
    assert any(line.startswith("GET /api/auth/signout/return?state=") for line in window.requests)
