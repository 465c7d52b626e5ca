"""Class-based views, and views that are methods of an object, with the decorators and marks of Genkan."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from flask import Flask
from flask.views import MethodView, View

from genkan import auth, csrf_exempt, login_required, public, require_session, roles_required
from genkan.web.access import needs_of
from tests.extension.conftest import MakeGuest
from tests.extension.neighbours.conftest import NAME
from tests.extension.test_first_use import browser_of


class Orders(MethodView):
    """Every method needs a session."""

    decorators: ClassVar[list[Callable[..., Any]]] = [login_required]

    def get(self) -> str:
        return f"orders of {require_session().user.name}"

    def post(self) -> str:
        return f"ordered by {require_session().user.name}"


class Basket(MethodView):
    """One object for all requests. One method needs a session, another a role."""

    init_every_request = False

    def get(self) -> str:
        return "open"

    @login_required
    def post(self) -> str:
        return f"filled by {require_session().user.name}"

    @roles_required("admin")
    def delete(self) -> str:
        return "emptied"


class Hello(View):
    """A view without methods."""

    decorators: ClassVar[list[Callable[..., Any]]] = [public]

    def dispatch_request(self) -> str:
        session = auth()
        return f"Hello {session.user.name if session else 'stranger'}"


class Shop:
    """Its methods are views."""

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self) -> str:
        return f"{self.name} is open"

    def private(self) -> str:
        return f"{self.name}: {require_session().user.name}"

    def hook(self) -> str:
        return "hook"


def add_class_based_views(app: Flask) -> None:
    app.add_url_rule("/orders", view_func=Orders.as_view("orders"))
    app.add_url_rule("/basket", view_func=public(Basket.as_view("basket")))
    app.add_url_rule("/hello", view_func=Hello.as_view("hello"))


def test_the_decorators_stand_on_the_class_or_on_a_method(make_guest: MakeGuest) -> None:
    app = make_guest()
    add_class_based_views(app)
    browser = browser_of(app)
    for method, path in (("GET", "/orders"), ("POST", "/orders"), ("POST", "/basket"), ("DELETE", "/basket")):
        assert browser.client.open(path, method=method, base_url=browser.origin).status_code == 303
    assert (browser.get("/basket").text, browser.get("/hello").text) == ("open", "Hello stranger")
    browser.sign_in()
    assert browser.get("/orders").text == f"orders of {NAME}"
    assert browser.post("/orders").text == f"ordered by {NAME}"
    assert browser.post("/basket").text == f"filled by {NAME}"
    assert browser.client.delete("/basket", base_url=browser.origin).status_code == 403
    assert browser.get("/hello").text == f"Hello {NAME}"
    browser.sign_out()
    assert browser.get("/orders").status_code == 303


def test_a_strict_application_has_the_marks_of_the_class(make_guest: MakeGuest) -> None:
    app = make_guest(strict=True)
    add_class_based_views(app)
    client = app.test_client()
    assert client.get("/hello").text == "Hello stranger"
    assert client.get("/basket").text == "open"
    assert client.get("/orders").status_code == 303
    assert client.post("/orders").status_code == 403


def test_the_methods_of_the_class_stay(make_guest: MakeGuest) -> None:
    app = make_guest()
    add_class_based_views(app)
    assert getattr(app.view_functions["orders"], "view_class", None) is Orders
    assert needs_of(app.view_functions["orders"]) == ("session",)
    assert {"DELETE", "GET", "POST"} <= set(app.test_client().options("/basket").headers["Allow"].split(", "))


def test_a_view_may_be_a_method_of_an_object(make_guest: MakeGuest) -> None:
    app, shop, other = make_guest(strict=True), Shop("Shop"), Shop("Other")
    app.add_url_rule("/open", "open", public(partial(shop.open)))
    app.add_url_rule("/closed", "closed", other.open)
    app.add_url_rule("/own", "own", login_required(shop.private))
    app.add_url_rule("/hook", "hook", public(csrf_exempt(partial(shop.hook))), methods=["POST"])
    browser = browser_of(app)
    assert browser.get("/open").text == "Shop is open"
    assert browser.post("/hook").text == "hook"
    assert browser.get("/closed").status_code == browser.get("/own").status_code == 303
    browser.sign_in()
    assert browser.get("/own").text == f"Shop: {NAME}"
