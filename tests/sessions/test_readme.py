"""The README's template line and callbacks do what it says."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string

from genkan import Genkan, auth, update
from tests.browser import Browser
from tests.conftest import ORIGIN

README = Path(__file__).parents[2].joinpath("README.md").read_text()


def make_app(tmp_path: Path, accounts: Genkan) -> Browser:
    app = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path))
    app.testing = True
    accounts.init_app(app, AUTH_URL=ORIGIN)

    @app.post("/paint")
    def paint() -> dict[str, Any]:
        updated = update({"theme": "dark"})
        return {"updated": updated.extra if updated else None}

    app.add_url_rule("/extra", "extra", lambda: dict(session.extra) if (session := auth()) else {})
    template = re.search(r"In templates `auth\(\)` is a global: `(.*?)`\.", README)
    assert template is not None
    app.add_url_rule("/greeting", "greeting", lambda: render_template_string(template[1]))
    browser = Browser(app)
    browser.sign_in("Sam Sample")
    return browser


def test_the_callbacks_take_the_update_beside_them(tmp_path: Path) -> None:
    accounts = Genkan()
    section = README.partition("## Extend the session")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"accounts": accounts}
    exec(code, names)  # noqa: S102 (the README's own code)
    browser = make_app(tmp_path, accounts)

    assert 'update({"theme": "dark"})' in section
    assert browser.get("/extra").get_json() == {"plan": "pro", "theme": None}
    assert browser.post("/paint").get_json() == {"updated": {"plan": "pro", "theme": "dark"}}
    assert browser.get("/extra").get_json() == {"plan": "pro", "theme": "dark"}


def test_an_update_that_no_callback_takes_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    browser = make_app(tmp_path, Genkan())
    with caplog.at_level(logging.WARNING, "genkan.session"):
        assert browser.post("/paint").get_json() == {"updated": {}}

    assert [record.getMessage() for record in caplog.records if record.name == "genkan.session"] == [
        'update() has changed nothing: the jwt callback has no code for trigger="update"'
    ]


def test_the_greeting_of_a_user_without_a_name(tmp_path: Path) -> None:
    browser = make_app(tmp_path, Genkan())
    assert browser.session() is not None
    assert "None" not in browser.get("/greeting").text
