"""Account page in a browser: revoked sessions, unlinked accounts and deleted users in all windows."""

from __future__ import annotations

from contextlib import suppress

from playwright.sync_api import Error, expect

from tests.e2e.account.devices import (
    age_authentication,
    expect_notice,
    link_github,
    revoke_phone_session,
    section,
    sessions,
    sign_in_on,
)
from tests.e2e.browser_window import BrowserWindow
from tests.e2e.page_actions import (
    dispatch_session_changed,
    dispatch_visibility_change,
    expect_url,
    menu,
    press,
)


def test_tabs_of_a_revoked_session_are_signed_out_when_they_become_visible(
    hana: BrowserWindow, phone: BrowserWindow
) -> None:
    private, public, account = phone.open("/dashboard"), phone.open("/"), phone.open("/account")
    page = hana.open("/account")
    revoke_phone_session(page)
    expect_notice(page, "The session has been ended.")
    expect(sessions(page)).not_to_contain_text("Safari on iPhone")

    for tab in (private, public, account):
        with suppress(Error):  # the first tab's message may already redirect the other tabs
            dispatch_visibility_change(tab)
    expect_url(private, "**/api/auth/signin?callbackUrl=%2Fdashboard")
    expect_url(account, "**/api/auth/signin?callbackUrl=%2Faccount")
    expect(menu(public, "unauthenticated")).to_be_visible()
    expect(public.locator("#welcome")).to_contain_text("You are not signed in yet")
    for tab in (private, account):
        expect(tab.get_by_text("Hana")).to_have_count(0)
    expect(menu(page, "authenticated")).to_be_visible()


def test_an_event_in_one_tab_of_a_revoked_session_signs_out_all_its_tabs(
    hana: BrowserWindow, phone: BrowserWindow
) -> None:
    private, public = phone.open("/dashboard"), phone.open("/about")
    expect(menu(public, "authenticated")).to_be_visible()
    page = hana.open("/account")
    press(page, "Sign out everywhere else")
    expect_notice(page, "You are signed out everywhere else.")
    dispatch_session_changed(public)

    expect(menu(public, "unauthenticated")).to_be_visible()
    expect_url(private, "**/api/auth/signin?callbackUrl=%2Fdashboard")


def test_an_account_is_unlinked_and_the_other_sessions_are_revoked_on_request(
    hana: BrowserWindow, phone: BrowserWindow
) -> None:
    link_github(sign_in_on(hana))
    page = hana.open("/account")
    press(page, "Unlink GitHub")
    expect_notice(page, "Unlinked. It can no longer be used to sign in here.")
    expect(section(page, "Ways to sign in").get_by_role("button", name="Unlink GitHub")).to_have_count(0)
    expect(section(page, "Ways to sign in").get_by_role("button", name="Link GitHub")).to_be_visible()
    expect(section(page, "Recent activity")).to_contain_text("Unlinked GitHub")

    press(page, "End all other sessions")
    expect_notice(page, "You are signed out everywhere else.")
    expect(sessions(page).get_by_role("listitem")).to_have_count(1)
    expect(section(page, "Recent activity")).to_contain_text("Signed out everywhere else")


def test_unlinking_after_an_old_sign_in_is_completed_by_a_reauthentication_popup(hana: BrowserWindow) -> None:
    client = sign_in_on(hana)
    link_github(client)
    age_authentication(hana, client)
    page = hana.open("/account")
    press(page, "Unlink GitHub")
    expect(page.get_by_role("dialog", name="Please confirm that it is you")).to_be_visible()
    with page.expect_popup() as popup:
        press(page, "Sign in")
    with popup.value.expect_event("close"):
        press(popup.value, "Sign in with Development")
        press(popup.value, "Hana Example")

    expect_notice(page, "Unlinked. It can no longer be used to sign in here.")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_deletion_after_an_old_sign_in_is_completed_by_a_reauthentication_popup(hana: BrowserWindow) -> None:
    client = sign_in_on(hana)
    page = hana.open("/account/delete")
    age_authentication(hana, client)
    press(page, "Delete my account for good")
    dialog = page.get_by_role("dialog", name="Please confirm that it is you")
    expect(dialog).to_be_visible()
    expect(dialog).not_to_contain_text("typed")
    with page.expect_popup() as popup:
        press(page, "Sign in")
    with popup.value.expect_event("close"):
        press(popup.value, "Sign in with Development")
        press(popup.value, "Hana Example")

    expect_url(page, "**/?account=deleted")
    expect(page.get_by_text("Your account has been deleted")).to_be_visible()


def test_a_deleted_user_is_signed_out_in_all_windows(hana: BrowserWindow, phone: BrowserWindow) -> None:
    private, page = phone.open("/dashboard"), hana.open("/account")
    page.get_by_role("link", name="Delete my account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete your account?")
    press(page, "Delete my account for good")

    expect(page.get_by_text("Your account has been deleted")).to_be_visible()
    expect(menu(page, "unauthenticated")).to_be_visible()
    dispatch_visibility_change(private)
    expect_url(private, "**/api/auth/signin?callbackUrl=%2Fdashboard")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_text("Hana")).to_have_count(0)
