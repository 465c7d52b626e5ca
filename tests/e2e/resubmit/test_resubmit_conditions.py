"""Resubmission with an outdated CSRF token, with a pending request, after a failure and without JavaScript."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Route, expect

from tests.browser import Browser
from tests.e2e.browser_window import BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import (
    choose_user,
    dispatch_session_changed,
    expect_url,
    menu,
    press,
    sign_out,
    wait_idle,
    wait_until,
)
from tests.e2e.resubmit.dialog import REFUSED_REQUEST, SAVE, dialog, sign_in_again, submit_without_session, type_note
from tests.e2e.resubmit.form_app import FormApp, delete_csrf_cookie, revoke_sessions


@pytest.mark.parametrize("path", ["/form", "/public-form"])
def test_a_form_with_an_outdated_csrf_token_is_resubmitted_with_a_new_token(
    form_window: BrowserWindow, form_app: FormApp, path: str
) -> None:
    page = form_window.open(path)
    type_note(page)
    delete_csrf_cookie(form_window)
    press(page, "Save note")

    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()
    expect(dialog(page, "")).to_have_count(0)
    assert form_app.saved == [("Hana Example", "unsaved note", "carefully")]
    assert form_window.count(SAVE) == 2


def test_a_form_with_an_outdated_csrf_token_and_a_revoked_session_waits_for_a_sign_in(
    form_window: BrowserWindow, form_app: FormApp
) -> None:
    page = form_window.open("/form")
    type_note(page)
    delete_csrf_cookie(form_window)
    revoke_sessions(form_window)
    press(page, "Save note")
    expect(dialog(page)).to_be_visible()
    expect(page.get_by_text("Private text of Hana Example")).to_be_hidden()
    sign_in_again(page)

    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()
    assert len(form_app.saved) == 1


def test_a_signed_out_form_with_an_outdated_csrf_token_waits_for_a_sign_in(
    form_window: BrowserWindow, form_app: FormApp
) -> None:
    revoke_sessions(form_window)
    page = form_window.open("/public-form")
    type_note(page)
    delete_csrf_cookie(form_window)
    press(page, "Save note")
    expect(dialog(page, "Sign in to continue")).to_be_visible()
    sign_in_again(page)

    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()
    assert len(form_app.saved) == 1


def test_a_form_rendered_without_a_session_is_submitted_for_a_user_only_after_confirmation(
    form_window: BrowserWindow, form_app: FormApp
) -> None:
    revoke_sessions(form_window)
    page = form_window.open("/public-form")
    type_note(page)
    form_window.sign_in()
    delete_csrf_cookie(form_window)
    press(page, "Save note")
    expect(dialog(page, "You are signed in now")).to_contain_text("Send this as Hana Example?")
    wait_idle(page)
    assert form_app.saved == []

    press(page, "Send")
    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()


def test_a_private_page_redirects_to_sign_in_after_a_sign_out_in_another_tab(form_window: BrowserWindow) -> None:
    page = form_window.open("/form")
    type_note(page)
    other = form_window.open("/")
    sign_out(other)

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fform")
    expect(page.get_by_text("Private text of")).to_have_count(0)


def test_a_page_whose_resubmit_script_is_missing_redirects_to_sign_in(form_window: BrowserWindow) -> None:
    form_window.allow_errors("status of 404|Failed to load resource")
    form_window.fulfill("**/genkan/static/js/resubmit.js", status=404)
    page = form_window.open("/form")
    revoke_sessions(form_window)
    press(page, "Save note")

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fform")


def test_a_form_with_an_outdated_csrf_token_is_not_resubmitted_while_the_user_is_unknown(
    form_window: BrowserWindow, form_app: FormApp
) -> None:
    form_window.allow_errors()
    page = form_window.open("/form")
    type_note(page)
    delete_csrf_cookie(form_window)
    form_window.fulfill("**/partials/user-menu", status=503, body="broken")
    press(page, "Save note")
    expect(dialog(page, "That did not work")).to_be_visible()
    press(page, "Close")

    expect(page.get_by_label("Note")).to_have_value("unsaved note")
    assert form_app.saved == []


def test_a_page_waits_for_a_pending_form_before_it_redirects(form_window: BrowserWindow, form_app: FormApp) -> None:
    page = form_window.open("/form")
    type_note(page)
    revoke_sessions(form_window)
    release = form_window.hold("**/form")
    press(page, "Save note")
    dispatch_session_changed(page)
    expect(menu(page, "unauthenticated")).to_have_count(1)
    release()
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)

    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()
    assert len(form_app.saved) == 1


def test_a_page_redirects_after_a_pending_form_was_accepted(form_window: BrowserWindow) -> None:
    page = form_window.open("/form")
    waiting: list[Route] = []
    form_window.context.route("**/form", lambda route: waiting.append(route))  # noqa: PLW0108 (Playwright marks it)
    type_note(page)
    press(page, "Save note")
    revoke_sessions(form_window)
    dispatch_session_changed(page)
    expect(menu(page, "unauthenticated")).to_have_count(1)
    waiting[0].fulfill(body='<p id="result">Saved</p>', content_type="text/html")

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fform")


def test_a_failed_resubmission_shows_an_error_and_keeps_the_input(
    form_window: BrowserWindow, form_app: FormApp
) -> None:
    form_window.allow_errors()
    page = submit_without_session(form_window)
    form_window.fulfill("**/form", status=503, body="broken")
    sign_in_again(page)
    expect(dialog(page, "That did not work")).to_be_visible()
    press(page, "Close")

    expect(page.get_by_label("Note")).to_have_value("unsaved note")
    assert form_app.saved == []


def test_without_javascript_a_form_redirects_to_sign_in_and_back(
    open_window: OpenWindow, form_server: tuple[Flask, FormApp]
) -> None:
    window = open_window(form_server[0], java_script_enabled=False)
    window.sign_in()
    page = window.open("/form")
    type_note(page)
    revoke_sessions(window)
    press(page, "Save note")

    expect(page).to_have_url(f"{window.origin}/api/auth/signin?callbackUrl=%2Fform")
    choose_user(page)
    expect(page.get_by_text("Private text of Hana Example")).to_be_visible()


def test_the_popup_page_has_instructions_without_javascript(
    open_window: OpenWindow, form_server: tuple[Flask, FormApp]
) -> None:
    window = open_window(form_server[0], java_script_enabled=False)
    page = window.open("/api/auth/signed-in")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    choose_user(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed in")
    expect(page.get_by_text("You can close this window")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_dialog_fits_the_viewport(form_window: BrowserWindow, scheme: str, width: int) -> None:
    page = submit_without_session(form_window)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    box = dialog(page).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    wait_until(page, "document.documentElement.scrollWidth <= arg", width)


def test_a_display_name_is_saved_after_another_device_revoked_the_session(htmx_window: BrowserWindow) -> None:
    htmx_window.allow_errors(REFUSED_REQUEST)
    htmx_window.sign_in()
    page = htmx_window.open("/account")
    page.get_by_label("Display name").fill("Hana Renamed")
    device = Browser(htmx_window.app)
    device.sign_in()
    assert device.submit("/account/sessions/end-others").status_code == 303
    press(page, "Save")
    expect(dialog(page)).to_be_visible()
    expect(page.get_by_text("hana@").locator("visible=true")).to_have_count(0)
    sign_in_again(page)

    expect(page.get_by_text("Your name has been changed.")).to_be_visible()
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Renamed")
    assert device.submit("/account/name", name="Hana Example").status_code == 303  # restores the name
