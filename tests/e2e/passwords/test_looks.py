"""Looks of the pages of mail and passwords: widths, colours, axe, keyboard, the button that shows a password, and
weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.page_actions import WATCH_SHIFTS, expect_url, press, resize, tab_to
from tests.e2e.passwords.steps import LONG_ADDRESS, PASSWORD, Person, address, password
from tests.e2e.test_accessibility import OUTLINE, SERIOUS, check_outline
from tests.e2e.test_weight import fetched_for, size

LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((320, "dark"), (1280, "light"))
MAX_BYTES = 25_000
"""Sum of all compressed response bodies of the sign-in page."""


def pages(window: BrowserWindow, person: Person) -> Iterator[tuple[str, Page]]:
    """Yield every page in its states, with a long address where one is shown."""
    long = Person(person.app, LONG_ADDRESS)
    page = window.context.new_page()

    def refuse(path: str, button: str, **fields: str) -> None:
        page.goto(path)
        for id, value in fields.items():
            page.locator(f"#{id}").fill(value)
        page.get_by_role("main").get_by_role("button", name=button, exact=True).click()
        page.get_by_role("alert").wait_for()

    page.goto("/api/auth/signin")
    page.locator("summary", has_text="More").click()
    yield "sign in", page
    refuse("/api/auth/signin", "Sign in", email=LONG_ADDRESS, password="wrong")
    yield "sign in, refused", page
    refuse("/account/sign-up", "Sign up", email=LONG_ADDRESS, password="passwordpassword")
    yield "sign up, refused", page
    page.locator("#password").fill(PASSWORD)
    press(page, "Sign up")
    expect_url(page, "**/verify-request?*")
    yield "verify request", page
    window.context.clear_cookies(name="authjs.email")
    page.goto(long.link())
    yield "confirm a sign-up", page
    press(page, "Continue without this password")
    expect_url(page, f"{window.origin}/")
    for path in ("/account", "/account/password", "/account/address", "/account/delete"):
        page.goto(path)
        yield path, page
    page.goto("/api/auth/signin?reason=fresh")
    yield "confirm the identity", page
    window.sign_out()
    page.goto("/api/auth/signin")
    address(page).fill(LONG_ADDRESS)
    press(page, "E-mail me a link")
    expect_url(page, "**/verify-request?*")
    window.context.clear_cookies(name="authjs.email")
    page.goto(long.link())
    yield "confirm a sign-in", page
    refuse("/account/reset", "Send the link", email="hana@localhost")
    yield "reset, refused", page
    address(page).fill(LONG_ADDRESS)
    press(page, "Send the link")
    page.get_by_role("heading", name="Check your e-mail").wait_for()
    yield "reset, sent", page
    page.goto(long.link())
    yield "new password", page


def test_every_page_is_accessible_and_fits_the_screen_in_light_and_dark(window: BrowserWindow, person: Person) -> None:
    found = {}
    for name, page in pages(window, person):
        page.evaluate(AXE_SCRIPT)
        for width, scheme in LOOKS:
            resize(page, width)
            page.emulate_media(color_scheme=scheme)
            violations = page.evaluate(SERIOUS)
            found_width = page.evaluate("document.documentElement.scrollWidth")
            found[name, width] = [*violations, *([f"{found_width} wide"] if found_width > width else [])]
        check_outline(page.evaluate(OUTLINE))

    assert {where: what for where, what in found.items() if what} == {}
    assert len(found) == 14 * len(LOOKS)


def test_signing_in_works_by_keyboard_only_and_nothing_moves(window: BrowserWindow, person: Person) -> None:
    person.create()
    window.context.add_init_script(WATCH_SHIFTS)
    page = window.open("/api/auth/signin?callbackUrl=/dashboard")
    main = page.get_by_role("main")
    order = [address(page), password(page), main.get_by_role("button", name="Show password")]
    order += [main.get_by_role("link", name="Forgot your password?"), main.get_by_role("button", name="Sign in").first]
    tab_to(page, order[0])
    page.keyboard.type(person.email)
    for target in order[1:]:
        page.keyboard.press("Tab")
        expect(target).to_be_focused()
    assert page.evaluate("shift") < 0.01
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect_url(page, "**/dashboard")


def test_a_button_shows_the_password_until_the_form_is_sent(htmx_window: BrowserWindow) -> None:
    page = htmx_window.open("/account/sign-up")
    password(page).fill("passwordpassword")
    press(page, "Show password")
    expect(password(page)).to_have_attribute("type", "text")
    expect(page.get_by_role("button", name="Hide password")).to_have_text("Hide")
    address(page).fill("hana@example.com")
    press(page, "Sign up")
    page.get_by_role("alert").wait_for()
    expect(password(page)).to_have_attribute("type", "password")
    press(page, "Show password")
    press(page, "Hide password")
    expect(password(page)).to_have_attribute("type", "password")


def test_the_sign_in_page_with_all_it_needs_weighs_at_most_25_kb(window: BrowserWindow) -> None:
    fetched = fetched_for(window, "/api/auth/signin")

    assert any("js/password.js" in path for path in fetched)
    assert sum(size(response) for response in fetched.values()) <= MAX_BYTES
