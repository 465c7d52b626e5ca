"""Everybody can use every page: by eye or by ear, on a telephone or a wide screen, by mouse or by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser_window import REFUSED, BrowserWindow, change, menu, settle, wait_until
from tests.e2e.conftest import OpenWindow
from tests.e2e.live_server import live_server
from tests.e2e.page_state import PLACES, PROVIDERS

Tour = Callable[[], Iterator[tuple[str, Page]]]

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

WATCH_SHIFTS = """
    window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (window.shift += value)))
        .observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(name="grand_house", scope="module")
def _grand_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A house with many ways to sign in."""
    with live_server(tmp_path_factory.mktemp("grand"), **PROVIDERS) as app:
        yield app


def resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})


@pytest.fixture(name="tour")
def _tour(open_window: OpenWindow, grand_house: Flask) -> Tour:
    """Goes to every page there is, and says which."""
    window = open_window(grand_house)
    window.forgive(r"status of (4\d\d|503)")
    page = window.context.new_page()

    def tour() -> Iterator[tuple[str, Page]]:
        for name, place in PLACES.items():
            place.visit(window, page)
            yield name, page

    return tour


def test_axe_finds_nothing_serious_on_any_page(tour: Tour) -> None:
    found = {}
    for name, page in tour():
        page.evaluate(AXE_SCRIPT)
        for width, scheme in product((WIDTHS[0], WIDTHS[-1]), SCHEMES):
            resize(page, width)
            page.emulate_media(color_scheme=scheme)
            found[name, width, scheme] = page.evaluate(SERIOUS)

    assert {where: what for where, what in found.items() if what} == {}


def test_axe_would_find_something_serious(window: BrowserWindow) -> None:
    page = window.open("/")
    page.evaluate(AXE_SCRIPT)
    page.evaluate(
        "() => { document.querySelector('main p').style.color = 'silver'; document.images[0].removeAttribute('alt') }"
    )

    assert [found.split(":")[0] for found in page.evaluate(SERIOUS)] == ["color-contrast", "image-alt"]


def test_no_page_is_wider_than_the_screen(tour: Tour) -> None:
    found = {}
    for name, page in tour():
        for width in WIDTHS:
            resize(page, width)
            found[name, width] = page.evaluate("document.documentElement.scrollWidth")

    assert {where: width for where, width in found.items() if width > where[1]} == {}


def test_every_page_has_a_language_a_title_landmarks_and_an_outline(tour: Tour) -> None:
    for _, page in tour():
        check_outline(page.evaluate(OUTLINE))


def check_outline(outline: dict[str, Any]) -> None:
    """Language, title, landmarks, headings that skip no level, and text that can be read."""
    headings = outline["headings"]
    assert outline["language"] == "en"
    assert outline["title"]
    assert outline["landmarks"] == [1, 1, 1]
    assert headings.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *headings], headings, strict=False))
    assert outline["smallest"] >= 12


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until it has the focus, which must be there to be seen."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
            return
    raise AssertionError(f"Tab never comes to {target}")


def test_the_whole_journey_takes_only_a_keyboard(window: BrowserWindow) -> None:
    window.forgive(REFUSED)
    page = window.open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to(page, page.get_by_role("main").get_by_role("link", name="Sign in"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/api/auth/signin?*")
    tab_to(page, page.get_by_role("button", name="Sign in with Development"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/development/authorize?*")
    tab_to(page, page.get_by_role("button", name="Hana Example"))
    page.keyboard.press("Space")
    page.wait_for_url(f"{window.origin}/")

    tab_to(page, menu(page).locator("summary"))
    page.keyboard.press("Enter")
    tab_to(page, menu(page).get_by_role("link", name="Dashboard"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/dashboard")
    tab_to(page, page.get_by_role("link", name="Refresh"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The session is up to date.")
    page.keyboard.press("Shift+Tab")
    expect(menu(page).locator("summary")).to_be_focused()
    page.keyboard.press("Space")
    tab_to(page, menu(page).get_by_role("button", name="Sign out"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/api/auth/signin?callbackUrl=%2Fdashboard")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", ["/", "/about", "/dashboard"])
def test_nothing_jumps_on_load_or_after_a_refresh(window: BrowserWindow, path: str, width: int) -> None:
    window.context.add_init_script(WATCH_SHIFTS)
    window.sign_in()
    page = window.context.new_page()
    resize(page, width)
    page.goto(path)
    expect(menu(page, "authenticated")).to_be_visible()
    if path != "/dashboard":
        window.sign_out()
    change(page)
    settle(page)

    assert page.evaluate("shift") < 0.02
    page.evaluate("() => { document.querySelector('main').style.paddingTop = '20rem' }")
    wait_until(page, "shift > 0.02")  # such a jump would have been noticed


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_those_who_asked_for_that(open_window: OpenWindow, wish: str, moves: bool) -> None:
    window = open_window(reduced_motion=wish)
    window.sign_in()
    page = window.open("/")
    let_go = window.hold("**/partials/user-menu")
    change(page)
    expect(menu(page, "loading")).to_be_visible()

    assert bool(page.evaluate("document.getAnimations().length")) == moves
    let_go()
