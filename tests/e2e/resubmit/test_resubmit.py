"""Forms that are submitted with a revoked session: the user signs in by a popup, and the form is resubmitted."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.page_actions import choose_user, dispatch_session_changed, expect_url, menu, press, wait_idle
from tests.e2e.resubmit.dialog import SAVE, dialog, sign_in_again, submit_without_session, type_note
from tests.e2e.resubmit.form_app import FormApp, revoke_sessions, session_cookie


@pytest.mark.parametrize("path", ["/form", "/form/outer", "/public-form"])
def test_a_form_submitted_with_a_revoked_session_is_resubmitted_after_signing_in(
    form_window: BrowserWindow, form_app: FormApp, path: str
) -> None:
    page = submit_without_session(form_window, path)
    assert form_app.saved == []
    sign_in_again(page)

    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()
    expect(dialog(page, "")).to_have_count(0)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    expect(page.get_by_role("status")).to_have_text("Sent.")
    assert form_app.saved == [("Hana Example", "unsaved note", "carefully")]
    assert page.url.endswith(path)
    wait_idle(
        page
    )  # the fragment that holds the form in /form/outer follows the session, and loses what is typed before
    type_note(page, "another")
    press(page, "Save note")
    expect(page.get_by_text("Saved: another")).to_be_visible()
    wait_idle(page)
    assert len(form_app.saved) == 2
    assert form_window.count(SAVE) == 3


def test_the_open_dialog_hides_private_content(form_window: BrowserWindow, form_app: FormApp) -> None:
    page = submit_without_session(form_window)
    expect(page.get_by_text("Private text of Hana Example")).to_be_hidden()
    expect(menu(page, "unauthenticated")).to_have_count(1)
    dispatch_session_changed(page)
    wait_idle(page)
    expect(dialog(page)).to_be_visible()

    sign_in_again(page)
    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()
    expect(page.get_by_text("Private text of Hana Example")).to_be_visible()
    assert len(form_app.saved) == 1


def test_escape_closes_the_dialog_and_keeps_the_input(form_window: BrowserWindow, form_app: FormApp) -> None:
    page = submit_without_session(form_window)
    expect(dialog(page).get_by_role("button", name="Sign in")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Save note")).to_be_focused()
    expect(page.get_by_label("Note")).to_have_value("unsaved note")
    expect(page.get_by_text("Private text of Hana Example")).to_be_hidden()

    dispatch_session_changed(page)
    wait_idle(page)
    expect(page.get_by_label("Note")).to_have_value("unsaved note")
    press(page, "Save note")
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)
    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()
    assert len(form_app.saved) == 1


def test_a_dismissed_page_shows_its_content_after_a_sign_in_in_another_tab_and_submits_nothing(
    form_window: BrowserWindow, form_app: FormApp
) -> None:
    page = submit_without_session(form_window)
    press(page, "Not now")
    form_window.sign_in()
    dispatch_session_changed(page)

    expect(page.get_by_text("Private text of Hana Example")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("unsaved note")
    assert form_app.saved == []


def test_the_menu_of_a_dismissed_page_signs_in_by_a_popup(form_window: BrowserWindow, form_app: FormApp) -> None:
    page = submit_without_session(form_window)
    press(page, "Not now")
    expect(page.get_by_role("status")).to_have_text("You are signed out. What you typed is still here.")
    with page.expect_popup() as popup:
        menu(page, "unauthenticated").get_by_role("link", name="Sign in").click()
    with popup.value.expect_event("close"):
        choose_user(popup.value, "Hana Example")

    expect(page.get_by_text("Private text of Hana Example")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("unsaved note")
    expect(page.get_by_role("status")).to_be_empty()
    assert form_app.saved == []


def test_the_input_of_one_user_is_not_submitted_for_another_user(form_window: BrowserWindow, form_app: FormApp) -> None:
    page = submit_without_session(form_window)
    sign_in_again(page, "Alex Admin")
    expect(dialog(page, "Another user is signed in")).to_be_visible()
    expect(page.get_by_text("Private text of")).to_be_hidden()
    wait_idle(page)
    assert form_window.count(SAVE) == 1

    press(page, "Reload")
    expect(page.get_by_text("Private text of Alex Admin")).to_be_visible()
    expect(page.get_by_label("Note")).to_be_empty()
    assert form_app.saved == []


def test_a_blocked_popup_redirects_the_page_to_sign_in_with_its_callback_url(form_window: BrowserWindow) -> None:
    form_window.context.add_init_script("window.open = () => null")
    page = submit_without_session(form_window)
    press(page, "Sign in")

    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fform")
    choose_user(page)
    expect(page.get_by_text("Private text of Hana Example")).to_be_visible()


def test_a_double_click_submits_once(form_window: BrowserWindow, form_app: FormApp) -> None:
    page = form_window.open("/form")
    type_note(page)
    revoke_sessions(form_window)
    page.get_by_role("button", name="Save note").dblclick()
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)
    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()
    wait_idle(page)

    assert len(form_app.saved) == 1


def test_a_form_that_is_refused_again_is_not_resubmitted_again(form_window: BrowserWindow, form_app: FormApp) -> None:
    page = submit_without_session(form_window)
    form_app.closed = True
    sign_in_again(page)
    expect(dialog(page, "It was refused again")).to_be_visible()
    for _ in range(2):
        dispatch_session_changed(page)
        wait_idle(page)
    assert form_window.count(SAVE) == 2

    press(page, "Close")
    expect(page.get_by_label("Note")).to_have_value("unsaved note")
    expect(page.get_by_text("Private text of Hana Example")).to_be_visible()


def test_a_get_request_of_a_button_opens_the_dialog_too(form_window: BrowserWindow) -> None:
    page = form_window.open("/form")
    revoke_sessions(form_window)
    press(page, "Show")
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)

    expect(page.get_by_text("a secret indeed")).to_be_visible()


def test_a_confirmed_request_is_resubmitted_without_a_second_confirmation(
    form_window: BrowserWindow, form_app: FormApp
) -> None:
    page = form_window.open("/form")
    questions: list[str] = []

    def agree(question: Dialog) -> None:
        questions.append(question.message)
        question.accept()

    page.on("dialog", agree)
    revoke_sessions(form_window)
    press(page, "Clear")
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)

    expect(page.get_by_text("Cleared")).to_be_visible()
    assert (form_app.cleared, questions) == (1, ["Really?"])


def test_a_form_that_needs_a_recent_sign_in_is_resubmitted_after_reauthentication(
    form_window: BrowserWindow, form_app: FormApp
) -> None:
    page = form_window.open("/form")
    type_note(page)
    form_app.stale = session_cookie(form_window)
    press(page, "Save note")
    expect(dialog(page, "Please confirm that it is you")).to_be_visible()
    dispatch_session_changed(page)
    wait_idle(page)
    assert form_window.count(SAVE) == 1
    expect(page.get_by_text("Private text of Hana Example")).to_be_visible()

    with page.expect_popup() as popup:
        press(page, "Sign in")
    expect(popup.value).to_have_url(
        f"{form_window.origin}/api/auth/signin?callbackUrl=%2Fapi%2Fauth%2Fsigned-in&reason=fresh"
    )
    with popup.value.expect_event("close"):
        choose_user(popup.value)
    expect(page.get_by_text("Saved: unsaved note")).to_be_visible()
    assert form_app.saved == [("Hana Example", "unsaved note", "carefully")]
