"""The marks of a view hold for methods of an object, for class-based views and for asynchronous views."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from flask import Flask
from flask.typing import ResponseReturnValue
from flask.views import MethodView, View

from genkan import csrf_exempt, fresh_login_required, login_required, public, require_session, roles_required
from tests.browser import ThreadedClient
from tests.extension.conftest import MakeGuest


class Shop:
    """Views that share an object."""

    def __init__(self, name: str) -> None:
        self.name = name

    def show(self) -> str:
        return self.name

    @public
    def marked(self) -> str:
        return self.name

    @public
    @csrf_exempt
    def hook(self) -> str:
        return self.name

    async def later(self) -> str:
        await asyncio.sleep(0)
        return self.name


class Open(MethodView):
    decorators: ClassVar[list[Callable[..., Any]]] = [public, csrf_exempt]

    def get(self) -> str:
        return "open"

    def post(self) -> str:
        return "hook"


class Private(View):
    decorators: ClassVar[list[Callable[..., Any]]] = [login_required]

    def dispatch_request(self) -> ResponseReturnValue:
        return f"for {require_session().user.name}"


@pytest.fixture(name="app")
def _app(make_guest: MakeGuest) -> Flask:
    app = make_guest(strict=True)
    app.test_client_class = ThreadedClient
    fish, bread = Shop("fish"), Shop("bread")
    rules: dict[str, Any] = {
        "/show": public(fish.show),
        "/closed": bread.show,
        "/marked": fish.marked,
        "/later": public(fish.later),
        "/class": Open.as_view("class"),
        "/private": Private.as_view("private_class"),
        "/method": login_required(bread.show),
        "/role": roles_required("admin")(fish.show),
        "/fresh": fresh_login_required(within=60)(fish.show),
    }
    for path, view in rules.items():
        app.add_url_rule(path, f"view-{path[1:]}", view)
    app.add_url_rule("/named", view_func=public(bread.later))
    app.add_url_rule("/hook", "hook", bread.hook, methods=["POST"])
    app.add_url_rule("/hook-of-one", "one", public(csrf_exempt(fish.show)), methods=["POST"])
    app.add_url_rule("/form", "form", public(bread.show), methods=["POST"])
    app.add_url_rule("/class", view_func=Open.as_view("posted"), methods=["POST"])
    return app


@pytest.mark.parametrize(
    ("path", "text"),
    [("/show", "fish"), ("/marked", "fish"), ("/later", "fish"), ("/class", "open"), ("/named", "bread")],
)
def test_a_public_method_is_open(app: Flask, path: str, text: str) -> None:
    assert app.test_client().get(path).text == text


@pytest.mark.parametrize("path", ["/closed", "/private", "/method", "/role", "/fresh"])
def test_the_same_method_of_another_object_stays_private(app: Flask, path: str) -> None:
    assert app.test_client().get(path).status_code == 303


@pytest.mark.parametrize(("path", "status"), [("/hook", 200), ("/hook-of-one", 200), ("/class", 200), ("/form", 403)])
def test_a_webhook_is_a_method_too(app: Flask, path: str, status: int) -> None:
    """A webhook is a POST without a cookie and without a token."""
    assert app.test_client().post(path, json={"event": "paid"}).status_code == status
