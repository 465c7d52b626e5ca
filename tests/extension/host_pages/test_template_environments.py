"""Our pages look the same in every template environment that an application can have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import StrictUndefined

from genkan import user_menu
from genkan.testing import sign_in
from tests.browser import HTMX, Browser
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of

PATHS = (
    *("/menu", "/genkan/menu", "/api/auth/signin", "/api/auth/signin?reason=fresh", "/api/auth/signout"),
    *("/api/auth/error?error=AccessDenied", "/api/auth/verify-request", "/api/auth/signed-in"),
    *("/genkan/account", "/genkan/account?notice=renamed", "/genkan/account/delete"),
    *(f"/genkan/account/partials/{name}" for name in ("facts", "sessions", "activity")),
)

NAMES = (
    *(
        "menu_loading",
        "page_access",
        "resubmit",
        "sign_out_ticket",
        "error",
        "notice",
        "error_section",
        "session",
        "user",
    ),
    *(
        "providers",
        "callback_url",
        "request_id",
        "title",
        "nonce",
        "submitted_name",
        "is_fresh",
        "records",
        "current_user",
    ),
)

VARYING = re.compile(r"[0-9a-f-]{12,}|[0-9]+ \w+ [0-9]{4}, [0-9:]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z|\s")
"""What differs at each request: tokens, ids and times. Also whitespace, which an environment may trim."""


def be_strict(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined


def use_brackets(app: Flask) -> None:
    """Leave `{{ }}` to a script of the page."""
    app.jinja_options = {
        "variable_start_string": "[[",
        "variable_end_string": "]]",
        "block_start_string": "[%",
        "block_end_string": "%]",
        "comment_start_string": "[#",
        "comment_end_string": "#]",
    }


def use_line_statements(app: Flask) -> None:
    app.jinja_options = {
        "line_statement_prefix": "%",
        "line_comment_prefix": "##",
        "trim_blocks": True,
        "lstrip_blocks": True,
    }


def take_our_names(app: Flask) -> None:
    app.context_processor(lambda: dict.fromkeys(NAMES, "taken"))


def pages(app: Flask) -> Iterator[str]:
    """Yield each page, for a visitor and for a user, and answers to forms."""
    app.add_url_rule("/menu", "menu", lambda: str(user_menu()) + str(user_menu(loading=True)))
    browser = browser_of(app)
    yield from (browser.get(path).text for path in PATHS)
    browser.sign_in()
    yield from (browser.get(path).text for path in PATHS)
    for headers in ({}, HTMX):
        yield browser.submit("/genkan/account/name", headers, name="").text
        yield browser.submit("/genkan/account/sessions/end-others", headers).text
    yield browser.submit("/api/auth/signout", HTMX).text


def test_pages_are_the_same(make_guest: MakeGuest, tmp_path: Path) -> None:
    def look(change: Callable[[Flask], None] | None) -> list[str]:
        name = change.__name__ if change else "plain"
        app = make_guest(database=f"sqlite:///{tmp_path}/{name}.db")
        if change:
            change(app)
        return [VARYING.sub("", page) for page in pages(app)]

    expected = look(None)
    for change in (be_strict, use_brackets, use_line_statements, take_our_names):
        assert look(change) == expected, change.__name__


def test_a_copied_template_has_the_delimiters_of_the_application(make_guest: MakeGuest) -> None:
    app = make_guest()
    use_brackets(app)
    runner = app.test_cli_runner()
    copied = runner.invoke(args=["genkan", "template", "menu"])
    assert (copied.exit_code, "Variables: menu_loading" in copied.output) == (0, True)
    copy = Path(app.root_path, "templates/genkan/menu.html")
    assert copy.read_text().startswith("[# genkan ")
    copy.write_text(copy.read_text().replace("Sign in", "Enter"))
    assert ">Enter</a>" in Browser(browser_of(app).app).get("/genkan/menu").text
    copy.write_text(re.sub("genkan [0-9a-f]{12}", "genkan 000000000000", copy.read_text()))
    assert "genkan/menu.html: the original has changed" in runner.invoke(args=["genkan", "doctor"]).output


def test_the_menu_escapes_names_also_without_autoescape(make_guest: MakeGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_guest()
    monkeypatch.setattr(app, "select_jinja_autoescape", lambda _filename: False)
    app.add_url_rule("/menu", "menu", lambda: str(user_menu()))
    client = app.test_client()
    sign_in(app, client, name="<img src=x onerror=alert(1)>")
    page = client.get("/menu").text
    assert "&lt;img src=x" in page
    assert "<img src=x" not in page
