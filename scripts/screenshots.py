"""Screenshots of the documentation: pages of the reference application in Chromium, light and dark.

`make screenshots` writes them to docs/_static/screenshots.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.live_server import live_server
from tests.e2e.page_actions import choose_user, open_menu, press

FOLDER = Path(__file__).parents[1] / "docs/_static/screenshots"
SIZE = {"width": 1000, "height": 640}
SCHEMES = ("light", "dark")


def sign_in_page(page: Page) -> None:
    """Open the sign-in page, with a way back to the dashboard."""
    page.goto("/dashboard")


def development_provider(page: Page) -> None:
    """Go on to the choice of the development provider."""
    press(page, "Sign in with Development")
    page.get_by_text("Who do you want to be?").wait_for()


def dashboard(page: Page) -> None:
    """Sign in, and open the user menu on the dashboard."""
    page.goto("/dashboard")
    choose_user(page)
    page.wait_for_url("**/dashboard")
    open_menu(page)


def account(page: Page) -> None:
    """Open the account page."""
    page.goto("/account")


SHOTS: tuple[Callable[[Page], None], ...] = (sign_in_page, development_provider, dashboard, account)
"""Steps of one visit in their order. A picture is taken after each, and has its name."""


def take(chromium: Browser, origin: str, folder: Path) -> list[Path]:
    """Write the screenshots of the application at this origin to the folder, and return their paths."""
    paths = []
    for scheme in SCHEMES:
        context = chromium.new_context(
            base_url=origin,
            color_scheme=scheme,  # type: ignore[arg-type]  # one of the two that Playwright names
            viewport=SIZE,  # type: ignore[arg-type]  # width and height
            device_scale_factor=2,
            reduced_motion="reduce",
        )
        page = context.new_page()
        for step in SHOTS:
            step(page)
            page.wait_for_load_state("networkidle")
            paths.append(folder / f"{step.__name__.replace('_', '-')}-{scheme}.png")
            page.screenshot(path=paths[-1])
        context.close()
    return paths


def main() -> None:
    """Replace the screenshots of the documentation. Exits with a sentence if Chromium is missing."""
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        sys.exit("genkan: Chromium is missing. On Debian: apt install chromium-headless-shell")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, live_server(Path(folder)) as app:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        take(chromium, app.extensions["genkan"].core.origin, FOLDER)
        chromium.close()


if __name__ == "__main__":
    main()
