"""A second factor in a browser: enrol, sign in with a code, trust a device, recover, with and without JavaScript."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Page, expect

from genkan.second_factor.totp import code_at
from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.e2e.page_actions import resize
from tests.e2e.test_accessibility import SCHEMES, SERIOUS
from tests.email.mails import link, mails

PASSWORD = "three green lanterns at noon"


@pytest.fixture(name="factor_app", scope="module")
def _factor_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with live_server(tmp_path_factory.mktemp("factors"), AUTH_PASSWORDS="on", AUTH_TOTP="on") as app:
        yield app


def sign_up(window: BrowserWindow, email: str) -> Page:
    """Sign up by the forms, with the link of the mail. Return the page that it ends at."""
    page = window.open("/account/sign-up")
    page.get_by_label("E-mail address").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign up", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your e-mail")
    page.goto(link(mails(window.app)[0]))
    return page


def sign_in(window: BrowserWindow, email: str) -> Page:
    """Send the form with the password. Return the page that asks for the code."""
    page = window.open("/api/auth/signin?callbackUrl=/account")
    page.get_by_label("E-mail address").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    return page


def enter(page: Page, code: str) -> None:
    """Enter a code."""
    page.locator("[autocomplete=one-time-code]").fill(code)
    page.locator("form:has([autocomplete=one-time-code]) button").click()


def secret_on(page: Page) -> str:
    """Return the secret in the link of the page for enrolling."""
    href = page.locator("a[href^='otpauth:']").get_attribute("href")
    return parse_qs(urlsplit(str(href)).query)["secret"][0]


def code(secret: str, steps: int = 0) -> str:
    """Return the code that is shown now, or `steps` periods later."""
    return code_at(secret, int(time.time()) // 30 + steps)


def check_looks(page: Page) -> None:
    """Check that the page fits a narrow screen and is accessible, in light and in dark."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        resize(page, 320)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.evaluate(AXE_SCRIPT)
        assert page.evaluate(SERIOUS) == []


@pytest.mark.parametrize("has_script", [True, False])
def test_a_user_enrols_and_signs_in_with_codes(open_window: OpenWindow, factor_app: Flask, has_script: bool) -> None:
    email = f"hana-{has_script}@example.com".lower()
    window = open_window(factor_app, java_script_enabled=has_script)
    window.allow_errors(r"status of 4\d\d")
    page = sign_up(window, email)
    page.goto(f"{window.origin}/account")
    page.get_by_role("link", name="Turn the second factor on").click()
    expect(page.locator("svg.qr-code")).to_be_visible()
    secret = secret_on(page)
    if has_script:
        check_looks(page)
    enter(page, "000000")
    expect(page.get_by_role("alert")).to_contain_text("That is not the code")
    assert secret_on(page) == secret
    enter(page, code(secret, -1))
    expect(page.locator(".codes code")).to_have_count(10)
    codes = page.locator(".codes code").all_inner_texts()
    if has_script:
        # A screen reader goes on at the codes, which took the place of the form.
        expect(page.get_by_role("heading", level=1)).to_be_focused()
        check_looks(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("#account-second_factor")).to_contain_text("On. 10 recovery codes left.")

    other = open_window(factor_app, java_script_enabled=has_script)
    other.allow_errors(r"status of 4\d\d")
    page = sign_in(other, email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter the code of your app")
    if has_script:
        check_looks(page)
    enter(page, "000000")
    expect(page.get_by_role("alert")).to_contain_text("That is not the code")
    page.get_by_label(re.compile("Trust this device")).check()
    enter(page, code(secret))
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    expect(page.locator("#account-second_factor")).to_contain_text("This device")

    page = sign_in(other, email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    page.get_by_role("button", name="Ask for a code on").click()
    expect(page.locator("#account-second_factor")).not_to_contain_text("This device")
    page = sign_in(other, email)
    page.get_by_role("link", name="Use a recovery code").click()
    enter(page, codes[0])
    expect(page.locator("#account-second_factor")).to_contain_text("9 recovery codes left.")
