"""Fixtures: an application of its own that adds Genkan, in an empty folder and with no setting."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, render_template_string, request

from genkan import Genkan, auth, login_required, require_session, roles_required
from genkan.settings.package import PREFIXES

MakeGuest = Callable[..., Flask]

PAGE = "<!doctype html><title>Shop</title>" + "<p>text</p>" * 200


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the package's variables from the environment."""
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)


@pytest.fixture(name="make_guest")
def _make_guest(tmp_path: Path) -> MakeGuest:
    """Return a function that creates an application. `config` is its configuration, other keywords are those of Genkan."""

    def make(config: dict[str, object] | None = None, *, testing: bool = True, **settings: object) -> Flask:
        app = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
        app.testing = testing
        app.config.update(config or {})
        Genkan(app, **settings)
        add_views(app)
        return app

    return make


@pytest.fixture(name="guest")
def _guest(make_guest: MakeGuest) -> Flask:
    return make_guest()


def add_views(app: Flask) -> None:
    """Add views that the application has for itself."""

    @app.get("/")
    def front() -> str:
        return PAGE

    @app.get("/greeting")
    def greeting() -> str:
        session = auth()
        return f"Hello {session.user.name if session else 'stranger'}"

    @app.get("/private")
    @login_required
    def private() -> dict[str, object]:
        return {"user": require_session().user.to_json()}

    @app.get("/admin")
    @roles_required("admin")
    def admin() -> str:
        return "admin"

    @app.post("/order")
    def order() -> str:
        return "ordered by " + (session.user.name or "" if (session := auth()) else "a guest")

    @app.post("/upload")
    def upload() -> str:
        request.max_content_length = 1_000_000
        return str(len(request.get_data()))

    @app.get("/template")
    def template() -> str:
        return render_template_string("{{ csrf_token }} {{ auth().user.name if auth() else '-' }}", csrf_token="own")
