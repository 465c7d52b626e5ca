"""Async views and hooks of the application, with the decorators of Genkan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from flask import Flask, g, render_template_string
from flask.views import MethodView

from genkan import auth, fresh_login_required, login_required, public, require_session, roles_required
from tests.browser import Browser, ThreadedClient
from tests.extension.conftest import MakeGuest
from tests.extension.neighbours.conftest import NAME
from tests.extension.test_first_use import browser_of


class Basket(MethodView):
    """An async class-based view."""

    decorators: ClassVar[list[Callable[..., Any]]] = [login_required]

    async def get(self) -> str:
        await asyncio.sleep(0)
        return f"basket of {require_session().user.name}"


def add_async_views(app: Flask) -> None:
    app.test_client_class = ThreadedClient

    @app.before_request
    async def remember_the_name() -> None:
        session = auth()
        await asyncio.sleep(0)
        g.name = session.user.name if session else "-"

    @app.get("/async/open")
    @public
    async def open_to_all() -> str:
        await asyncio.sleep(0)
        session = auth()
        return f"{g.name} {session.user.name if session else '-'}"

    @app.get("/async/menu")
    @public
    async def menu() -> str:
        await asyncio.sleep(0)
        return render_template_string("{{ user_menu() }}")

    @app.get("/async/private")
    @login_required
    async def private_view() -> dict[str, str | None]:
        await asyncio.sleep(0)
        return {"name": require_session().user.name}

    @app.get("/async/required")
    async def required() -> str:
        await asyncio.sleep(0)
        return str(require_session().user.name)

    @app.get("/async/admin")
    @roles_required("admin")
    async def for_admins() -> str:
        return "admin"

    @app.get("/async/fresh")
    @fresh_login_required(within=300)
    async def fresh() -> str:
        await asyncio.sleep(0)
        return "fresh"

    app.add_url_rule("/async/basket", view_func=Basket.as_view("basket"))


CLOSED = ("/async/private", "/async/required", "/async/admin", "/async/fresh", "/async/basket")


@pytest.fixture(name="browser", params=[False, True], ids=["default", "strict"])
def _browser(make_guest: MakeGuest, request: pytest.FixtureRequest) -> Browser:
    app = make_guest(strict=request.param)
    add_async_views(app)
    return browser_of(app)


def test_a_user_signs_in_and_out_beside_async_views(make_guest: MakeGuest) -> None:
    app = make_guest()
    add_async_views(app)
    browser = browser_of(app)
    browser.sign_in()
    assert browser.get("/async/private").json == {"name": NAME}
    browser.sign_out()
    assert browser.get("/async/private").status_code == 303


def test_closed_views_need_a_session(browser: Browser) -> None:
    for path in CLOSED:
        assert browser.get(path).headers["Location"].startswith("/api/auth/signin?callbackUrl=")
    assert browser.get("/async/open").text == "- -"


def test_they_see_the_user(browser: Browser) -> None:
    browser.sign_in()
    assert browser.get("/async/open").text == f"{NAME} {NAME}"
    assert browser.get("/async/private").json == {"name": NAME}
    assert browser.get("/async/required").text == NAME
    assert NAME in browser.get("/async/menu").text
    assert browser.get("/async/fresh").text == "fresh"
    assert browser.get("/async/basket").text == f"basket of {NAME}"
    assert browser.get("/async/admin").status_code == 403
    assert browser.get("/async/private").headers["Cache-Control"] == "private, no-store"
