"""Passkeys in a browser: add, sign in by the button and by autofill, confirm the identity, remove."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import expect_url, press, resize, wait_until
from tests.e2e.passkeys.device import Device
from tests.e2e.test_accessibility import SERIOUS
from tests.email.mails import link, mails

PASSKEYS = "/account/passkeys"

NO_AUTOFILL = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
"""Script that keeps the device from answering before the button is pressed."""


@pytest.fixture(autouse=True)
def _no_passkeys(passkey_app: Flask) -> None:
    """Remove the passkeys and the second factor of the tests before."""
    core = passkey_app.extensions["genkan"].core
    user = core.adapter.get_user_by_email("hana@example.com")
    core.second_factor.store.delete_totp(user.id if user else "")
    for passkey in core.passkeys.store.list(user.id) if user else ():
        core.adapter.unlink_account(
            user.id, "passkey", passkey.credential_id, enabled_providers=["development"], email_sign_in=True
        )


def add_passkey(window: BrowserWindow) -> tuple[Page, Device]:
    """Sign in, add a passkey on the page, and return the tab and the device."""
    window.sign_in()
    page = window.open("/health/live")
    device = Device(page)
    page.goto(PASSKEYS)
    press(page, "Add a passkey")
    expect_url(page, "**/account/passkeys?notice=added")
    return page, device


def test_a_passkey_is_added_named_and_used(passkey_window: BrowserWindow) -> None:
    page, device = add_passkey(passkey_window)
    expect(page.get_by_text("Your passkey has been added.")).to_be_visible()
    expect(page.get_by_text("Synced between your devices.")).to_be_visible()
    page.get_by_label("Name of the passkey").fill("Blue key")
    press(page, "Save the name")
    expect(page.get_by_text("The name has been changed.")).to_be_visible()
    assert page.url.endswith("notice=added")  # htmx has replaced the list in place
    assert page.get_by_label("Name of the passkey").input_value() == "Blue key"

    passkey_window.sign_out()
    page.add_init_script(NO_AUTOFILL)
    page.goto("/api/auth/signin?callbackUrl=%2Fdashboard")
    press(page, "Sign in with a passkey")
    expect_url(page, "**/dashboard")
    assert device.passkeys()[0]["signCount"] > 1


def test_a_passkey_takes_the_place_of_a_code(passkey_window: BrowserWindow) -> None:
    page, _ = add_passkey(passkey_window)
    core = passkey_window.app.extensions["genkan"].core
    user, store = core.adapter.get_user_by_email("hana@example.com"), core.second_factor.store
    assert store.begin_totp(user.id, core.second_factor.sealer.seal(user.id, "A" * 32), "owner", 60)
    assert store.confirm_totp(user.id, store.totp(user.id).pending_secret, "owner", 1, ["hash"], replaces=False)
    passkey_window.sign_out()
    page.add_init_script(NO_AUTOFILL)
    page.goto("/api/auth/signin?callbackUrl=%2Fdashboard")
    page.get_by_label("E-mail address").fill("hana@example.com")
    page.get_by_label("E-mail address").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your e-mail")
    page.goto(link(mails(passkey_window.app)[0]))
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter the code of your app")
    assert page.request.get("/api/auth/session").json() is None

    press(page, "Use a passkey")
    expect_url(page, "**/dashboard")


def test_the_address_field_offers_passkeys(passkey_window: BrowserWindow) -> None:
    page, _ = add_passkey(passkey_window)
    passkey_window.sign_out()
    page.goto("/api/auth/signin?callbackUrl=%2Fdashboard")

    expect_url(page, "**/dashboard")


def test_a_synced_passkey_works_on_another_device(passkey_window: BrowserWindow, open_window: OpenWindow) -> None:
    _, device = add_passkey(passkey_window)
    other = open_window(passkey_window.app)
    page = other.open("/health/live")
    device.copy_to(Device(page))
    page.goto("/api/auth/signin?callbackUrl=%2Fdashboard")

    expect_url(page, "**/dashboard")


def test_a_device_that_has_one_makes_no_second(passkey_window: BrowserWindow) -> None:
    page, device = add_passkey(passkey_window)
    passkey_window.allow_errors("genkan: passkey: InvalidStateError")
    press(page, "Add a passkey")

    expect(page.get_by_text("This device has a passkey for this site already.")).to_be_visible()
    assert len(device.passkeys()) == 1


def test_a_user_whom_the_device_does_not_recognize_stays_on_the_page(passkey_window: BrowserWindow) -> None:
    passkey_window.sign_in()
    page = passkey_window.open("/health/live")
    Device(page).verify_user(False)
    page.goto(PASSKEYS)
    press(page, "Add a passkey")

    expect(page.get_by_text("That did not work.")).to_be_visible()


def test_the_identity_is_confirmed_with_a_passkey(passkey_window: BrowserWindow) -> None:
    page, _ = add_passkey(passkey_window)
    page.add_init_script(NO_AUTOFILL)
    page.goto("/api/auth/signin?reason=fresh&callbackUrl=%2Faccount/passkeys/add")
    expect(page.get_by_role("heading", name="Please confirm that it is you")).to_be_visible()
    press(page, "Sign in with a passkey")

    expect_url(page, "**/account/passkeys/add")
    expect(page.get_by_role("button", name="Add a passkey")).to_be_visible()


def test_a_removed_passkey_disappears_from_the_device(passkey_window: BrowserWindow) -> None:
    page, device = add_passkey(passkey_window)
    page.locator('[data-passkey="remove"] button').click()
    expect(page.get_by_text("You have none yet.")).to_be_visible()

    wait_until(page, "!document.querySelector('[data-passkey=remove]')")
    page.wait_for_timeout(500)
    assert device.passkeys() == []


def test_an_unknown_passkey_disappears_from_the_device(passkey_window: BrowserWindow, passkey_app: Flask) -> None:
    page, device = add_passkey(passkey_window)
    passkey_window.allow_errors("status of 403")
    core = passkey_app.extensions["genkan"].core
    user = core.adapter.get_user_by_email("hana@example.com")
    for passkey in core.passkeys.store.list(user.id):
        core.adapter.unlink_account(
            user.id, "passkey", passkey.credential_id, enabled_providers=["development"], email_sign_in=True
        )
    passkey_window.sign_out()
    page.goto("/api/auth/signin?callbackUrl=%2Fdashboard")

    expect(page.get_by_text("This site does not know that passkey")).to_be_visible()
    page.wait_for_timeout(500)
    assert device.passkeys() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_in_a_narrow_window(passkey_app: Flask, open_window: OpenWindow, scheme: str) -> None:
    window = open_window(passkey_app, color_scheme=scheme)
    page, device = add_passkey(window)
    device.answer(False)
    resize(page, 320)
    for path in (PASSKEYS, "/api/auth/signin", "/account"):
        page.goto(path)
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate("axe.run()")["violations"]
        assert [violation["id"] for violation in found if violation["impact"] in SERIOUS] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_without_javascript_the_page_says_what_is_missing(passkey_app: Flask, open_window: OpenWindow) -> None:
    window = open_window(passkey_app, java_script_enabled=False)
    window.sign_in()
    page = window.open(PASSKEYS)

    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_be_hidden()
