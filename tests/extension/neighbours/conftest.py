"""Fixtures: an application that has another extension, added before Genkan or after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, render_template_string, request

from genkan import Genkan, auth, login_required, require_session
from tests.extension.test_first_use import browser_of

AddExtension = Callable[[Flask], object]
MakeHost = Callable[..., Flask]

NAME = "Hana Example"

FRONT_PAGE = """<!doctype html><title>Shop</title>{{ user_menu() }}
<form method="post" action="/order"><button>Order</button></form>"""


@pytest.fixture(name="make_host", params=[False, True], ids=["extension first", "Genkan first"])
def _make_host(request: pytest.FixtureRequest, tmp_path: Path) -> MakeHost:
    """Return a function that creates an application with another extension. Keywords are those of Genkan."""

    def make(add_extension: AddExtension, config: dict[str, object] | None = None, **settings: object) -> Flask:
        app = Flask("host", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
        app.testing, app.secret_key = True, "a key of the application"
        app.config.update(config or {})
        steps: list[AddExtension] = [add_extension, lambda app: Genkan(app, **settings)]
        for step in reversed(steps) if request.param else steps:
            step(app)
        add_views(app)
        return app

    return make


def add_views(app: Flask) -> None:
    """Add a page with the menu, a private view, and a form that knows its user."""

    @app.get("/")
    def front() -> str:
        return render_template_string(FRONT_PAGE)

    @app.get("/private")
    @login_required
    def private() -> dict[str, object]:
        return {"name": require_session().user.name}

    @app.post("/order")
    def order() -> str:
        session = auth()
        return f"{request.form.get('amount')} for {session.user.name if session else 'a guest'}"


def check_sign_in(app: Flask) -> None:
    """Sign in and out by the development provider, and check what pages, views and the menu show meanwhile."""
    browser = browser_of(app)
    assert "Sign in" in browser.get("/").text
    assert browser.get("/private").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fprivate"
    assert browser.get("/api/auth/signin").status_code == 200
    assert browser.sign_in(callback_url="/private").headers["Location"] == f"{browser.origin}/private"
    assert browser.get("/private").json == {"name": NAME}
    for path in ("/", "/genkan/menu", "/genkan/account"):
        assert NAME in browser.get(path).text
    assert browser.submit("/genkan/account/name", name="Hana the First").status_code == 303
    assert "Hana the First" in browser.get("/genkan/menu").text
    assert browser.sign_out().status_code == 303
    assert browser.session() is None
    assert "Sign in" in browser.get("/").text
    assert browser.get("/private").status_code == 303
