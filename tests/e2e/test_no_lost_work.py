"""What somebody typed is not lost when their session has ended: they sign in in a second window, and it is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Dialog, Locator, Page, Route, expect

from tests.browser import Browser
from tests.e2e.browser_window import BrowserWindow, change, menu, pick, press, settle, sign_out, wait_until
from tests.e2e.conftest import OpenWindow
from tests.e2e.form_app import FormApp, end_session, renew_csrf_pair, session_cookie
from tests.e2e.live_server import live_server

KEEP = "POST /desk"
FORBIDDEN = r"status of 40[13]|htmx:(afterRequest|sendAbort)"
"""What the browser prints when a request is refused, and htmx 2 when one is replaced by a newer one."""


@pytest.fixture(name="desk_house", scope="module")
def _house_with_a_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, FormApp]]:
    desk = FormApp()
    with live_server(tmp_path_factory.mktemp("desk")) as app:
        desk.stand_in(app)
        yield app, desk


@pytest.fixture(name="desk")
def _desk(desk_house: tuple[Flask, FormApp]) -> FormApp:
    desk_house[1].clear()
    return desk_house[1]


@pytest.fixture(name="at_desk", params=["4.0.1", "2.0.11"])
def _at_desk(
    open_window: OpenWindow, desk_house: tuple[Flask, FormApp], request: pytest.FixtureRequest
) -> BrowserWindow:
    window = open_window(desk_house[0], request.param)
    window.forgive(FORBIDDEN)
    window.sign_in()
    return window


def dialog(page: Page, title: str = "You have been signed out") -> Locator:
    return page.get_by_role("dialog", name=title)


def write(page: Page, note: str = "half a thought") -> None:
    page.get_by_label("Note").fill(note)


def sign_in_again(page: Page, name: str = "Hana Example") -> None:
    """In the second window, which closes when that is done."""
    with page.expect_popup() as opened:
        press(page, "Sign in")
    with opened.value.expect_event("close"):
        pick(opened.value, name)


def blocked(window: BrowserWindow, path: str = "/desk") -> Page:
    """A page on which somebody has sent what they typed, after their session had ended elsewhere."""
    page = window.open(path)
    write(page)
    end_session(window)
    press(page, "Keep it")
    expect(dialog(page)).to_be_visible()
    return page


@pytest.mark.parametrize("path", ["/desk", "/desk/around", "/counter"])
def test_a_form_sent_after_the_session_ended_elsewhere_is_kept_after_signing_in(
    at_desk: BrowserWindow, desk: FormApp, path: str
) -> None:
    page = blocked(at_desk, path)
    assert desk.kept == []
    sign_in_again(page)

    expect(page.get_by_text("Kept: half a thought")).to_be_visible()
    expect(dialog(page, "")).to_have_count(0)
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana Example")
    expect(page.get_by_role("status")).to_have_text("Sent.")
    assert desk.kept == [("Hana Example", "half a thought", "carefully")]
    assert page.url.endswith(path)
    write(page, "another")
    press(page, "Keep it")
    expect(page.get_by_text("Kept: another")).to_be_visible()
    settle(page)
    assert len(desk.kept) == 2
    assert at_desk.asked(KEEP) == 3


def test_nothing_private_is_to_be_seen_while_the_dialog_is_open(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = blocked(at_desk)
    expect(page.get_by_text("A secret of Hana Example")).to_be_hidden()
    expect(menu(page, "unauthenticated")).to_have_count(1)
    change(page)
    settle(page)
    expect(dialog(page)).to_be_visible()

    sign_in_again(page)
    expect(page.get_by_text("Kept: half a thought")).to_be_visible()
    expect(page.get_by_text("A secret of Hana Example")).to_be_visible()
    assert len(desk.kept) == 1


def test_escape_keeps_what_was_typed_and_nothing_leaves(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = blocked(at_desk)
    expect(dialog(page).get_by_role("button", name="Sign in")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    expect(page.get_by_label("Note")).to_have_value("half a thought")
    expect(page.get_by_text("A secret of Hana Example")).to_be_hidden()

    change(page)
    settle(page)
    expect(page.get_by_label("Note")).to_have_value("half a thought")
    press(page, "Keep it")
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)
    expect(page.get_by_text("Kept: half a thought")).to_be_visible()
    assert len(desk.kept) == 1


def test_a_page_put_off_is_whole_again_after_signing_in_elsewhere_and_sends_nothing(
    at_desk: BrowserWindow, desk: FormApp
) -> None:
    page = blocked(at_desk)
    press(page, "Not now")
    at_desk.sign_in()
    change(page)

    expect(page.get_by_text("A secret of Hana Example")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("half a thought")
    assert desk.kept == []


def test_a_page_put_off_does_not_leave_by_the_way_in_of_its_header(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = blocked(at_desk)
    press(page, "Not now")
    expect(page.get_by_role("status")).to_have_text("You are signed out. What you typed is still here.")
    with page.expect_popup() as opened:
        menu(page, "unauthenticated").get_by_role("link", name="Sign in").click()
    with opened.value.expect_event("close"):
        pick(opened.value, "Hana Example")

    expect(page.get_by_text("A secret of Hana Example")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("half a thought")
    expect(page.get_by_role("status")).to_be_empty()
    assert desk.kept == []


def test_what_one_person_typed_is_not_sent_for_another(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = blocked(at_desk)
    sign_in_again(page, "Alex Admin")
    expect(dialog(page, "Another user is signed in")).to_be_visible()
    expect(page.get_by_text("A secret of")).to_be_hidden()
    settle(page)
    assert at_desk.asked(KEEP) == 1

    press(page, "Reload")
    expect(page.get_by_text("A secret of Alex Admin")).to_be_visible()
    expect(page.get_by_label("Note")).to_be_empty()
    assert desk.kept == []


def test_where_no_window_opens_the_page_leaves_for_sign_in_with_the_way_back(at_desk: BrowserWindow) -> None:
    at_desk.context.add_init_script("window.open = () => null")
    page = blocked(at_desk)
    press(page, "Sign in")

    page.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdesk")
    pick(page)
    expect(page.get_by_text("A secret of Hana Example")).to_be_visible()


def test_a_double_click_sends_once(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = at_desk.open("/desk")
    write(page)
    end_session(at_desk)
    page.get_by_role("button", name="Keep it").dblclick()
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)
    expect(page.get_by_text("Kept: half a thought")).to_be_visible()
    settle(page)

    assert len(desk.kept) == 1


def test_a_second_refusal_is_the_last(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = blocked(at_desk)
    desk.closed = True
    sign_in_again(page)
    expect(dialog(page, "It was refused again")).to_be_visible()
    for _ in range(2):
        change(page)
        settle(page)
    assert at_desk.asked(KEEP) == 2

    press(page, "Close")
    expect(page.get_by_label("Note")).to_have_value("half a thought")
    expect(page.get_by_text("A secret of Hana Example")).to_be_visible()


def test_a_button_that_only_asks_opens_the_dialog_too(at_desk: BrowserWindow) -> None:
    page = at_desk.open("/desk")
    end_session(at_desk)
    press(page, "Show")
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)

    expect(page.get_by_text("a secret indeed")).to_be_visible()


def test_whoever_was_sure_is_not_asked_again(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = at_desk.open("/desk")
    questions: list[str] = []

    def agree(question: Dialog) -> None:
        questions.append(question.message)
        question.accept()

    page.on("dialog", agree)
    end_session(at_desk)
    press(page, "Clear")
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)

    expect(page.get_by_text("Cleared")).to_be_visible()
    assert (desk.cleared, questions) == (1, ["Really?"])


def test_a_sign_in_that_is_not_fresh_is_confirmed_and_not_lost(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = at_desk.open("/desk")
    write(page)
    desk.stale = session_cookie(at_desk)
    press(page, "Keep it")
    expect(dialog(page, "Please confirm that it is you")).to_be_visible()
    change(page)
    settle(page)
    assert at_desk.asked(KEEP) == 1
    expect(page.get_by_text("A secret of Hana Example")).to_be_visible()

    with page.expect_popup() as opened:
        press(page, "Sign in")
    expect(opened.value).to_have_url(
        f"{at_desk.origin}/api/auth/signin?callbackUrl=%2Fapi%2Fauth%2Fsigned-in&reason=fresh"
    )
    with opened.value.expect_event("close"):
        pick(opened.value)
    expect(page.get_by_text("Kept: half a thought")).to_be_visible()
    assert desk.kept == [("Hana Example", "half a thought", "carefully")]


@pytest.mark.parametrize("path", ["/desk", "/counter"])
def test_a_form_made_stale_by_a_sign_in_in_another_tab_is_sent_with_a_new_token(
    at_desk: BrowserWindow, desk: FormApp, path: str
) -> None:
    page = at_desk.open(path)
    write(page)
    renew_csrf_pair(at_desk)
    press(page, "Keep it")

    expect(page.get_by_text("Kept: half a thought")).to_be_visible()
    expect(dialog(page, "")).to_have_count(0)
    assert desk.kept == [("Hana Example", "half a thought", "carefully")]
    assert at_desk.asked(KEEP) == 2


def test_a_stale_form_of_a_session_that_ended_waits_for_a_sign_in(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = at_desk.open("/desk")
    write(page)
    renew_csrf_pair(at_desk)
    end_session(at_desk)
    press(page, "Keep it")
    expect(dialog(page)).to_be_visible()
    expect(page.get_by_text("A secret of Hana Example")).to_be_hidden()
    sign_in_again(page)

    expect(page.get_by_text("Kept: half a thought")).to_be_visible()
    assert len(desk.kept) == 1


def test_a_stale_form_of_nobody_waits_for_a_sign_in(at_desk: BrowserWindow, desk: FormApp) -> None:
    end_session(at_desk)
    page = at_desk.open("/counter")
    write(page)
    renew_csrf_pair(at_desk)
    press(page, "Keep it")
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)

    expect(page.get_by_text("Kept: half a thought")).to_be_visible()
    assert len(desk.kept) == 1


def test_a_form_drawn_for_nobody_is_not_sent_for_somebody_unasked(at_desk: BrowserWindow, desk: FormApp) -> None:
    end_session(at_desk)
    page = at_desk.open("/counter")
    write(page)
    at_desk.sign_in()
    renew_csrf_pair(at_desk)
    press(page, "Keep it")
    expect(dialog(page, "You are signed in now")).to_contain_text("Send this as Hana Example?")
    settle(page)
    assert desk.kept == []

    press(page, "Send")
    expect(page.get_by_text("Kept: half a thought")).to_be_visible()


def test_a_private_page_that_notices_by_itself_leaves_for_sign_in(at_desk: BrowserWindow) -> None:
    page = at_desk.open("/desk")
    write(page)
    other = at_desk.open("/")
    sign_out(other)

    page.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdesk")
    expect(page.get_by_text("A secret of")).to_have_count(0)


def test_a_page_whose_script_is_gone_leaves_for_sign_in(at_desk: BrowserWindow) -> None:
    at_desk.forgive("status of 404|Failed to load resource")
    at_desk.answer("**/genkan/static/js/resubmit.js", status=404)
    page = at_desk.open("/desk")
    end_session(at_desk)
    press(page, "Keep it")

    page.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdesk")


def test_a_stale_form_is_not_sent_while_nobody_can_tell_who_is_here(at_desk: BrowserWindow, desk: FormApp) -> None:
    at_desk.forgive()
    page = at_desk.open("/desk")
    write(page)
    renew_csrf_pair(at_desk)
    at_desk.answer("**/partials/user-menu", status=503, body="broken")
    press(page, "Keep it")
    expect(dialog(page, "That did not work")).to_be_visible()
    press(page, "Close")

    expect(page.get_by_label("Note")).to_have_value("half a thought")
    assert desk.kept == []


def test_a_form_on_its_way_is_waited_for_before_the_page_leaves(at_desk: BrowserWindow, desk: FormApp) -> None:
    page = at_desk.open("/desk")
    write(page)
    end_session(at_desk)
    let_go = at_desk.hold("**/desk")
    press(page, "Keep it")
    change(page)
    expect(menu(page, "unauthenticated")).to_have_count(1)
    let_go()
    expect(dialog(page)).to_be_visible()
    sign_in_again(page)

    expect(page.get_by_text("Kept: half a thought")).to_be_visible()
    assert len(desk.kept) == 1


def test_a_form_that_was_accepted_on_its_way_does_not_keep_the_page(at_desk: BrowserWindow) -> None:
    page = at_desk.open("/desk")
    waiting: list[Route] = []
    at_desk.context.route("**/desk", lambda route: waiting.append(route))  # noqa: PLW0108 (Playwright marks it)
    write(page)
    press(page, "Keep it")
    end_session(at_desk)
    change(page)
    expect(menu(page, "unauthenticated")).to_have_count(1)
    waiting[0].fulfill(body='<p id="kept">Kept</p>', content_type="text/html")

    page.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdesk")


def test_an_answer_that_fails_says_so_and_keeps_what_was_typed(at_desk: BrowserWindow, desk: FormApp) -> None:
    at_desk.forgive()
    page = blocked(at_desk)
    at_desk.answer("**/desk", status=503, body="broken")
    sign_in_again(page)
    expect(dialog(page, "That did not work")).to_be_visible()
    press(page, "Close")

    expect(page.get_by_label("Note")).to_have_value("half a thought")
    assert desk.kept == []


def test_without_javascript_a_form_leads_to_sign_in_and_back(
    open_window: OpenWindow, desk_house: tuple[Flask, FormApp]
) -> None:
    window = open_window(desk_house[0], java_script_enabled=False)
    window.sign_in()
    page = window.open("/desk")
    write(page)
    end_session(window)
    press(page, "Keep it")

    expect(page).to_have_url(f"{window.origin}/api/auth/signin?callbackUrl=%2Fdesk")
    pick(page)
    expect(page.get_by_text("A secret of Hana Example")).to_be_visible()


def test_the_second_window_says_what_to_do_without_javascript(
    open_window: OpenWindow, desk_house: tuple[Flask, FormApp]
) -> None:
    window = open_window(desk_house[0], java_script_enabled=False)
    page = window.open("/api/auth/signed-in")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    pick(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed in")
    expect(page.get_by_text("You can close this window")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_dialog_fits_and_can_be_read(at_desk: BrowserWindow, scheme: str, width: int) -> None:
    page = blocked(at_desk)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    box = dialog(page).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    wait_until(page, "document.documentElement.scrollWidth <= arg", width)


def test_a_name_half_written_is_saved_though_another_device_ended_the_session(either: BrowserWindow) -> None:
    either.forgive(FORBIDDEN)
    either.sign_in()
    page = either.open("/account")
    page.get_by_label("Display name").fill("Hana of the House")
    device = Browser(either.app)
    device.sign_in()
    assert device.submit("/account/sessions/end-others").status_code == 303
    press(page, "Save")
    expect(dialog(page)).to_be_visible()
    expect(page.get_by_text("hana@")).to_be_hidden()
    sign_in_again(page)

    expect(page.get_by_text("Your name has been changed.")).to_be_visible()
    expect(menu(page, "authenticated")).to_contain_text("Hi, Hana of the House")
    assert device.submit("/account/name", name="Hana Example").status_code == 303  # as others expect her
