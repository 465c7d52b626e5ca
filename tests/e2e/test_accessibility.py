"""Accessibility of every page: axe, narrow and wide screens, keyboard, layout shifts and reduced motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Page, expect

from tests.e2e.browser_window import UNAUTHORIZED, BrowserWindow
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.e2e.page_actions import (
    WATCH_SHIFTS,
    dispatch_session_changed,
    expect_url,
    menu,
    resize,
    tab_to,
    wait_idle,
    wait_until,
)
from tests.e2e.page_state import PAGES, PROVIDERS

PageTour = Callable[[], Iterator[tuple[str, Page]]]

WIDTHS = (320, 390, 768, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

SERIOUS = """() => axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))"""

OUTLINE = """() => ({
    language: document.documentElement.lang,
    title: document.title,
    landmarks: ["body > header", "main", "body > footer"].map((part) => document.querySelectorAll(part).length),
    headings: [...document.querySelectorAll("h1, h2, h3, h4")].map(({ tagName }) => Number(tagName[1])),
    smallest: Math.min(...[...document.querySelectorAll("body *")]
        .filter((element) => element.checkVisibility() && element.textContent.trim())
        .map((element) => parseFloat(getComputedStyle(element).fontSize))),
})"""


@pytest.fixture(name="many_providers_app", scope="module")
def _many_providers_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Start an application with many providers."""
    with live_server(tmp_path_factory.mktemp("grand"), **PROVIDERS) as app:
        yield app


@pytest.fixture(name="tour")
def _tour(open_window: OpenWindow, many_providers_app: Flask) -> PageTour:
    """Return an iterator over all pages in all states, with their names."""
    window = open_window(many_providers_app)
    window.allow_errors(r"status of (4\d\d|503)")
    page = window.context.new_page()

    def tour() -> Iterator[tuple[str, Page]]:
        for name, state in PAGES.items():
            state.visit(window, page)
            yield name, page

    return tour


def test_every_page_is_accessible_fits_the_screen_and_has_an_outline(tour: PageTour) -> None:
    """Without a serious violation that axe finds, wider than no screen, and with a language, a title and landmarks."""
    violations, widths = {}, {}
    for name, page in tour():
        check_outline(page.evaluate(OUTLINE))
        page.evaluate(AXE_SCRIPT)
        for width in WIDTHS:
            resize(page, width)
            widths[name, width] = page.evaluate("document.documentElement.scrollWidth")
            for scheme in SCHEMES if width in (WIDTHS[0], WIDTHS[-1]) else ():
                page.emulate_media(color_scheme=scheme)
                violations[name, width, scheme] = page.evaluate(SERIOUS)

    assert {where: found for where, found in violations.items() if found} == {}
    assert {where: width for where, width in widths.items() if width > where[1]} == {}


def test_axe_finds_violations_that_are_made_on_purpose(window: BrowserWindow) -> None:
    page = window.open("/")
    page.evaluate(AXE_SCRIPT)
    page.evaluate(
        "() => { document.querySelector('main p').style.color = 'silver'; document.images[0].removeAttribute('alt') }"
    )

    assert [found.split(":")[0] for found in page.evaluate(SERIOUS)] == ["color-contrast", "image-alt"]


def check_outline(outline: dict[str, Any]) -> None:
    """Assert language, title, landmarks, headings that skip no level, and a readable font size."""
    headings = outline["headings"]
    assert outline["language"] == "en"
    assert outline["title"]
    assert outline["landmarks"] == [1, 1, 1]
    assert headings.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *headings], headings, strict=False))
    assert outline["smallest"] >= 12


def test_signing_in_and_out_works_by_keyboard_only(window: BrowserWindow) -> None:
    window.allow_errors(UNAUTHORIZED)
    page = window.open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to(page, page.get_by_role("main").get_by_role("link", name="Sign in"))
    page.keyboard.press("Enter")
    expect_url(page, "**/api/auth/signin?*")
    tab_to(page, page.get_by_role("button", name="Sign in with Development"))
    page.keyboard.press("Enter")
    expect_url(page, "**/development/authorize?*")
    tab_to(page, page.get_by_role("button", name="Hana Example"))
    page.keyboard.press("Space")
    expect_url(page, f"{window.origin}/")

    tab_to(page, menu(page).locator("summary"))
    page.keyboard.press("Enter")
    tab_to(page, menu(page).get_by_role("link", name="Dashboard"))
    page.keyboard.press("Enter")
    expect_url(page, "**/dashboard")
    tab_to(page, page.get_by_role("link", name="Refresh"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The session is up to date.")
    page.keyboard.press("Shift+Tab")
    expect(menu(page).locator("summary")).to_be_focused()
    page.keyboard.press("Space")
    tab_to(page, menu(page).get_by_role("button", name="Sign out"))
    page.keyboard.press("Enter")
    expect_url(page, "**/api/auth/signin?callbackUrl=%2Fdashboard")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", ["/", "/about", "/dashboard"])
def test_the_layout_does_not_shift_on_load_or_after_a_refresh(window: BrowserWindow, path: str, width: int) -> None:
    window.context.add_init_script(WATCH_SHIFTS)
    window.sign_in()
    page = window.context.new_page()
    resize(page, width)
    page.goto(path)
    expect(menu(page, "authenticated")).to_be_visible()
    if path != "/dashboard":
        window.sign_out()
    dispatch_session_changed(page)
    wait_idle(page)

    assert page.evaluate("shift") < 0.02
    page.evaluate("() => { document.querySelector('main').style.paddingTop = '20rem' }")
    wait_until(page, "shift > 0.02")  # the observer reports a shift of this size


@pytest.mark.parametrize(("preference", "animated"), [("reduce", False), ("no-preference", True)])
def test_reduced_motion_turns_animations_off(open_window: OpenWindow, preference: str, animated: bool) -> None:
    window = open_window(reduced_motion=preference)
    window.sign_in()
    page = window.open("/")
    release = window.hold("**/partials/user-menu")
    dispatch_session_changed(page)
    expect(menu(page, "loading")).to_be_visible()

    assert bool(page.evaluate("document.getAnimations().length")) == animated
    release()
