"""Fixtures: an application that has Flask-Login already, and adds Genkan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g, redirect, render_template_string, request, url_for
from flask_login import (
    AnonymousUserMixin,
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
    logout_user,
)
from werkzeug.wrappers import Response

from genkan import Genkan, auth
from tests.browser import Browser

SESSION_COOKIE = "authjs.session-token"
OURS, ANONYMOUS = "Hana Example", "anonymous"

MakeShop = Callable[..., Flask]


class Customer(UserMixin):  # type: ignore[misc]  # Flask-Login has no type marker
    """A user of the application itself."""

    name = "Customer"

    def __init__(self, id: str) -> None:
        self.id = id


class Visitor(AnonymousUserMixin):  # type: ignore[misc]
    """The anonymous user of the application itself."""

    name = ANONYMOUS


def make_manager() -> LoginManager:
    manager = LoginManager()
    manager.user_loader(lambda id: Customer(id) if id == "1" else None)
    manager.login_view, manager.login_message, manager.anonymous_user = "login", "Who are you?", Visitor
    return manager


def add_views(app: Flask) -> None:
    @app.before_request
    def remember_the_name() -> None:
        g.name = current_user.name

    @app.get("/name")
    def name() -> str:
        assert g.name == current_user.name
        return str(current_user.name)

    @app.get("/template")
    def template() -> str:
        return render_template_string("{{ current_user.name }}")

    app.add_url_rule("/orders", "orders", login_required(lambda: f"orders of {current_user.get_id()}"))

    @app.route("/login", methods=["GET", "POST"])
    def login() -> str | Response:
        if request.method == "GET":
            return "the application's own page"
        login_user(Customer("1"), remember="remember" in request.form)
        return redirect(url_for("name"))

    @app.get("/logout")
    def logout() -> str:
        logout_user()
        return f"{current_user.name} {auth()}"


@pytest.fixture(name="make_shop")
def _make_shop(tmp_path: Path) -> MakeShop:
    """Return a function that creates an application with Flask-Login. Keywords are those of Genkan."""

    def make(manager: LoginManager | None = None, *, genkan_first: bool = False, **settings: object) -> Flask:
        app = Flask("shop", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
        app.testing = True
        app.secret_key = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"
        manager = manager or make_manager()
        steps: list[Callable[[], Any]] = [lambda: manager.init_app(app), lambda: Genkan(app, **settings)]
        for step in reversed(steps) if genkan_first else steps:
            step()
        add_views(app)
        return app

    return make


@pytest.fixture(name="shop", params=[False, True], ids=["LoginManager first", "Genkan first"])
def _shop(make_shop: MakeShop, request: pytest.FixtureRequest) -> Flask:
    return make_shop(genkan_first=request.param)


def names(browser: Browser) -> set[str]:
    """Return the name of `current_user` in a view and in a template."""
    return {browser.get("/name").text, browser.get("/template").text}
