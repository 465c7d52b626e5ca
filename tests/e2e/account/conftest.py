"""Fixtures for the browser tests of the account page: one user on two devices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from genkan.session.revoker import revoke_user
from tests.e2e.account.devices import PHONE, sign_in_on
from tests.e2e.browser_window import UNAUTHORIZED, BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server


@pytest.fixture(name="account_app", scope="module")
def _account_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Start an application with two providers."""
    with live_server(
        tmp_path_factory.mktemp("account"), AUTH_GITHUB_ID="for-show", AUTH_GITHUB_SECRET="for-show"
    ) as app:
        yield app


@pytest.fixture(name="empty_app")
def _empty_app(account_app: Flask) -> Flask:
    """Delete all users of the application."""
    options = account_app.extensions["genkan"].core
    for user in options.adapter.list_users():
        revoke_user(user.id, "deleted", options.sessions)
        options.adapter.delete_user(user.id)
    return account_app


@pytest.fixture(name="hana", params=["4.0.1", "2.0.11"])
def _hana(open_window: OpenWindow, empty_app: Flask, request: pytest.FixtureRequest) -> BrowserWindow:
    """Return Hana's window on a computer, with htmx 4 and then with htmx 2."""
    window = open_window(empty_app, request.param)
    window.allow_errors(UNAUTHORIZED)
    sign_in_on(window)
    return window


@pytest.fixture(name="phone")
def _phone(open_window: OpenWindow, hana: BrowserWindow) -> BrowserWindow:
    """Return Hana's window on a phone, with the same htmx."""
    window = open_window(hana.app, hana.htmx)
    window.allow_errors()  # a page that redirects aborts its pending requests
    sign_in_on(window, PHONE)
    return window
