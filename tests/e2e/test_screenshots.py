"""The script for the screenshots of the documentation takes all of them, and pages show each in light and dark."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser as Chromium

from scripts.screenshots import FOLDER, take
from tests.docs.blocks import DOCUMENTS


def test_the_script_takes_the_screenshots_of_the_documentation(
    chromium: Chromium, live_app: Flask, tmp_path: Path
) -> None:
    paths = take(chromium, live_app.extensions["genkan"].core.origin, tmp_path)
    assert {path.name for path in paths} == {path.name for path in FOLDER.iterdir()}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_each_screenshot_is_shown_in_light_and_dark() -> None:
    shown = set()
    for document in DOCUMENTS:
        names = set(re.findall(r"screenshots/([\w-]+\.png)", document.read_text()))
        assert {name.replace("-light", "-dark") for name in names} <= names, document
        shown |= names
    assert shown == {path.name for path in FOLDER.iterdir()}
