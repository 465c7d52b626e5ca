"""Whole ways of a user through the pages of mail and passwords, with htmx 4, htmx 2 and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import expect_url, menu, press
from tests.e2e.passwords.steps import OTHER, PASSWORD, Person, address, password

REFUSED = r"status of 4\d\d"


def follow(page: Page, name: str, path: str) -> None:
    """Click the link of that name and wait until the page of this path is loaded.

    Until then the browser sends its forms without htmx, and reports a refusal as an error.
    """
    page.get_by_role("link", name=name).click()
    expect_url(page, f"**{path}")


def expect_refusal(page: Page, text: str, field_id: str) -> None:
    """Expect this alert, and the focus in the field that it is about."""
    expect(page.get_by_role("alert")).to_contain_text(text)
    field = page.locator(f"#{field_id}")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(page.get_by_role("alert").inner_text().replace("\n", " "))


def test_sign_up_change_the_password_and_sign_in_with_it(htmx_window: BrowserWindow, person: Person) -> None:
    window = htmx_window
    page = window.open("/api/auth/signin?callbackUrl=/account")
    follow(page, "Sign up", "/account/sign-up*")
    address(page).fill(person.email)
    password(page).fill("passwordpassword")
    press(page, "Sign up")
    expect(page.get_by_role("alert")).to_contain_text("Choose another password")
    expect(page.locator("#password")).to_be_focused()
    expect(address(page)).to_have_value(person.email)
    expect(password(page)).to_have_value("")
    password(page).fill(PASSWORD)
    press(page, "Sign up")
    expect_url(page, "**/verify-request?*")

    page.get_by_role("link", name="mailbox").click()
    page.get_by_role("listitem").filter(has_text=person.email).get_by_role("link").click()
    with window.context.expect_page() as opened:
        page.frame_locator("iframe").get_by_role("link", name="Confirm and sign in").click()
    page.close()
    page = opened.value
    expect_url(page, "**/account")
    follow(page, "Change the password", "/account/password")
    password(page, "Current password").fill(OTHER)
    password(page, "New password").fill(OTHER)
    press(page, "Store the password")
    expect_refusal(page, "That is not your current password", "current-password")
    password(page, "Current password").fill(PASSWORD)
    password(page, "New password").fill(OTHER)
    press(page, "Store the password")
    expect_url(page, "**/account?notice=password-changed")
    expect(page.get_by_text("Your password has been changed")).to_be_focused()

    page.locator("#sign-out-here").click()
    expect_url(page, f"{window.origin}/")
    page.goto("/api/auth/signin?callbackUrl=/account")
    address(page).fill(person.email)
    password(page).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=False).first.click()
    expect_refusal(page, "Address or password is not right", "password")
    expect(address(page)).to_have_value(person.email)
    password(page).fill(OTHER)
    password(page).press("Enter")
    expect_url(page, "**/account")
    assert "POST /api/auth/callback/credentials" in window.requests


def test_a_link_is_asked_for_and_its_code_entered(htmx_window: BrowserWindow, person: Person) -> None:
    page = htmx_window.open("/api/auth/signin?callbackUrl=/dashboard")
    press(page, "E-mail me a link")
    assert address(page).evaluate("field => field.matches(':user-invalid, :invalid')")
    address(page).fill(person.email)
    press(page, "E-mail me a link")
    expect_url(page, "**/verify-request?*")
    expect(page.get_by_text(person.email)).to_be_visible()
    page.get_by_label("code").fill("12")
    press(page, "Continue")
    expect_refusal(page, "That is not the code", "code")
    page.get_by_label("code").fill(person.code())
    page.get_by_label("code").press("Enter")
    expect_url(page, "**/dashboard")

    page.goto("/api/auth/signin")
    expect(page.get_by_role("button", name="E-mail me a link Last used")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_forgotten_password_is_replaced(open_window: OpenWindow, person: Person, javascript: bool) -> None:
    window = open_window(java_script_enabled=javascript)
    window.allow_errors(REFUSED)
    person.create()
    page = window.open("/api/auth/signin")
    follow(page, "Forgot your password?", "/account/reset*")
    address(page).fill(person.email)
    press(page, "Send the link")
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_visible()
    page.goto(person.link("Choose a new password"))
    assert page.url == f"{window.origin}/account/reset/new"
    expect(address(page)).to_have_value(person.email)
    password(page, "New password").fill("passwordpassword")
    press(page, "Store the password")
    expect(page.get_by_role("alert")).to_contain_text("Choose another password")
    password(page, "New password").fill(OTHER)
    press(page, "Store the password")
    expect(page.get_by_role("status").filter(has_text="Your password has been changed")).to_be_visible()


def test_the_address_is_changed(window: BrowserWindow, person: Person) -> None:
    person.create().sign_in(window)
    new = Person(person.app, f"new-{person.email}")
    page = window.open("/account")
    follow(page, "Change the e-mail address", "/account/address")
    page.get_by_label("New e-mail address").fill("hana@localhost")
    press(page, "Send the link")
    expect_refusal(page, "That is not an e-mail address", "email")
    page.get_by_label("New e-mail address").fill(new.email)
    press(page, "Send the link")
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_focused()
    page.goto(new.link())
    press(page, "Confirm")
    expect_url(page, "**/account?notice=address-changed")
    expect(page.locator("#account-accounts").get_by_text(new.email)).to_be_visible()


def test_everything_works_without_javascript(open_window: OpenWindow, person: Person) -> None:
    window = open_window(java_script_enabled=False)
    window.allow_errors(REFUSED)
    page = window.open("/account/sign-up")
    expect(page.get_by_role("button", name="Show password")).to_have_count(0)
    address(page).fill(person.email)
    password(page).fill(PASSWORD)
    press(page, "Sign up")
    page.get_by_label("code").fill("12")
    press(page, "Continue")
    expect(page.get_by_role("alert")).to_contain_text("That is not the code")
    page.get_by_label("code").fill(person.code())
    press(page, "Continue")
    expect_url(page, f"{window.origin}/")
    menu(page).locator("summary").click()
    press(page, "Sign out")

    page.goto("/api/auth/signin?callbackUrl=/dashboard")
    address(page).fill(person.email)
    password(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Please type your password")
    expect(address(page)).to_have_value(person.email)
    password(page).fill(PASSWORD)
    password(page).press("Enter")
    expect_url(page, "**/dashboard")
