"""The callbacks and the greeting of the documentation do what it says."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string

from genkan import Genkan, update
from genkan.settings.environment import ROOT
from tests.browser import Browser
from tests.conftest import ORIGIN
from tests.docs.blocks import blocks_of


def make_app(tmp_path: Path, accounts: Genkan) -> Browser:
    app = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path))
    app.testing = True
    accounts.init_app(app, AUTH_URL=ORIGIN)

    @app.post("/paint")
    def paint() -> dict[str, Any]:
        updated = update({"theme": "dark"})
        return {"updated": updated.extra if updated else None}

    template = re.search(r"<h1>(.* or .*)</h1>", (ROOT / "docs/tutorial/first-page.md").read_text())
    assert template is not None
    app.add_url_rule("/greeting", "greeting", lambda: render_template_string(template[1]))
    browser = Browser(app)
    browser.sign_in("Sam Sample")
    return browser


def test_the_callbacks_take_the_update_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "documented"}
    (code,) = (block.text for block in blocks_of(ROOT / "docs/how-to/extend-the-session.md") if block.file == "app.py")
    exec(code, names)  # noqa: S102 (code of our own documents)
    app = names["app"]
    app.testing = True
    app.config["AUTH_URL"] = ORIGIN
    app.test_client().get("/api/auth/session")
    browser = Browser(app)
    browser.sign_in("Sam Sample")

    assert browser.get("/theme").get_json() == {"plan": "pro", "theme": None}
    assert browser.post("/theme").status_code == 302
    assert browser.get("/theme").get_json() == {"plan": "pro", "theme": "dark"}


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
