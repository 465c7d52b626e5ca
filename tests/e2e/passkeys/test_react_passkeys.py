"""Passkeys with the real next-auth/webauthn and @simplewebauthn/browser 9, and pages of ours, in both directions."""

from __future__ import annotations

from flask import Flask
from playwright.sync_api import expect

from tests.e2e.browser_window import UNAUTHORIZED
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import expect_url
from tests.e2e.passkeys.device import Device


def test_a_passkey_of_react_works_on_our_page_and_one_of_ours_in_react(
    react_app: Flask, open_window: OpenWindow
) -> None:
    for path, button, other_path, other_button in (
        ("/react", "#react-passkey-add", "/api/auth/signin?callbackUrl=%2Freact", None),
        ("/account/passkeys", '[data-passkey="register"] button', "/react", "#react-passkey"),
        ("/react", "#react-passkey-add", "/react", "#react-passkey"),
    ):
        window = open_window(react_app)
        window.allow_errors(UNAUTHORIZED)
        window.sign_in()
        page = window.open("/health/live")
        device = Device(page)
        page.goto(path)
        with page.expect_response("**/api/auth/callback/passkey*") as added:
            page.click(button)
        assert added.value.status in (200, 303)
        page.wait_for_load_state("networkidle")
        assert len(device.passkeys()) == 1

        window.sign_out()
        page.goto(other_path)
        if other_button is None:
            # The address field offers it.
            expect_url(page, "**/react")
        else:
            expect(page.locator("#react-status")).to_have_text("unauthenticated")
            page.click(other_button)
        expect(page.locator("#react-status")).to_have_text("authenticated")
        expect(page.locator("#react-name")).to_have_text("Hana Example")
