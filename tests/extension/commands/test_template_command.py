"""`flask genkan template`: a copy of one of our templates, which the application uses from then on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from tests.extension.commands.test_doctor import run
from tests.extension.test_first_use import browser_of


def page(app: Flask) -> str:
    """Return the sign-in page without its CSRF tokens."""
    return re.sub("[0-9a-f]{64,}", "", browser_of(app).get("/api/auth/signin").text)


@pytest.mark.parametrize("name", ["sign_in", "sign_in.html", "genkan/sign_in.html"])
def test_a_copy_is_used_and_looks_the_same(guest: Flask, name: str) -> None:
    before = page(guest)
    result = run(guest, "template", name)
    assert result.exit_code == 0, result.output
    copy = Path(guest.root_path) / "templates/genkan/sign_in.html"
    assert str(copy) in result.output
    assert "providers" in result.output.partition("Variables: ")[2].splitlines()[0]
    assert "csrf_token" in result.output.partition("Functions: ")[2]

    guest.jinja_env.cache.clear()  # type: ignore[union-attr]  # it is on
    assert page(guest) == before
    copy.write_text("mine")
    guest.jinja_env.cache.clear()  # type: ignore[union-attr]
    assert page(guest) == "mine"


def test_nothing_is_overwritten(guest: Flask) -> None:
    copy = Path(guest.root_path) / "templates/genkan/menu.html"
    copy.parent.mkdir(parents=True)
    copy.write_text("mine")
    result = run(guest, "template", "menu")
    assert (result.exit_code, "menu.html exists" in result.output) == (1, True)
    assert copy.read_text() == "mine"


@pytest.mark.parametrize("name", ["nothing", "../../secret", "_menu_assets", "development/authorize"])
def test_other_names_are_refused(guest: Flask, name: str) -> None:
    result = run(guest, "template", name)
    assert (result.exit_code, "There is no template" in result.output) == (1, True)
    assert not (Path(guest.root_path) / "templates").exists()


def test_an_application_without_a_folder_for_templates_is_refused(guest: Flask) -> None:
    guest.template_folder = None
    assert run(guest, "template", "menu").output == "Error: The application has no folder for templates.\n"


def test_the_list_marks_what_the_application_has(guest: Flask) -> None:
    run(guest, "template", "menu")
    listed = run(guest, "template", "--list").output.splitlines()
    assert "genkan/menu.html\treplaced" in listed
    assert {"genkan/layout.html", "genkan/sign_in.html", "genkan/account/index.html"} <= set(listed)
    assert run(guest, "template").output.splitlines() == listed


@pytest.mark.parametrize("name", ["menu", "layout", "account/index", "account/_session", "error"])
def test_every_part_can_be_copied(guest: Flask, name: str) -> None:
    assert run(guest, "template", name).exit_code == 0
    browser = browser_of(guest)
    browser.sign_in()
    assert browser.get("/genkan/account").status_code == 200
