"""Nested blueprints with static folders and templates of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Blueprint, Flask, render_template

from genkan import Genkan, auth, login_required
from tests.extension.conftest import MakeGuest
from tests.extension.neighbours.conftest import NAME
from tests.extension.test_first_use import browser_of

FILES = ("/shop/static/shop.css", "/shop/admin/files/admin.css")


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Blueprint:
    """Return a blueprint with a child. Each has a static folder, and the child has a template that shows the menu."""
    for path, text in {
        "shop/static/shop.css": "p { color: red }",
        "admin/files/admin.css": "p { color: blue }",
        "admin/templates/admin/index.html": (
            "<link href='{{ url_for('shop.admin.static', filename='admin.css') }}'>{{ user_menu() }}"
        ),
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    shop = Blueprint("shop", "shop", root_path=str(tmp_path / "shop"), static_folder="static", url_prefix="/shop")
    admin = Blueprint(
        "admin",
        "admin",
        root_path=str(tmp_path / "admin"),
        static_folder="files",
        template_folder="templates",
        url_prefix="/admin",
    )

    @admin.get("/")
    @login_required
    def index() -> str:
        return render_template("admin/index.html")

    @shop.get("/greeting")
    def greeting() -> str:
        session = auth()
        return f"Hello {session.user.name if session else 'stranger'}"

    @admin.app_errorhandler(404)
    def not_found(_error: Exception) -> tuple[str, int]:
        return "not found, says the shop", 404

    shop.register_blueprint(admin)
    return shop


def test_their_files_are_served_as_before(make_guest: MakeGuest, shop: Blueprint) -> None:
    app = make_guest()
    app.register_blueprint(shop)
    browser = browser_of(app)
    bare = Flask("bare")
    bare.register_blueprint(shop)
    browser.sign_in()
    for path in FILES:
        file, expected = browser.get(path), bare.test_client().get(path)
        assert (file.status_code, file.data) == (200, expected.data)
        assert {name for name, _ in file.headers} == {name for name, _ in expected.headers}


def test_their_views_pages_and_error_pages_work(make_guest: MakeGuest, shop: Blueprint) -> None:
    app = make_guest()
    app.register_blueprint(shop)
    browser = browser_of(app)
    assert browser.get("/shop/greeting").text == "Hello stranger"
    assert browser.get("/shop/admin/").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fshop%2Fadmin%2F"
    browser.sign_in()
    assert browser.get("/shop/greeting").text == f"Hello {NAME}"
    page = browser.get("/shop/admin/").text
    assert NAME in page
    assert "/shop/admin/files/admin.css" in page
    assert browser.get("/shop/nothing").text == "not found, says the shop"
    redirect = browser.get("/shop/admin")
    assert (redirect.status_code, redirect.headers["Location"]) == (308, "http://localhost/shop/admin/")


def test_files_of_a_protected_blueprint_are_private_as_its_views_are(tmp_path: Path, shop: Blueprint) -> None:
    app, accounts = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path / "instance")), Genkan()
    app.testing = True
    accounts.protect(shop)
    app.register_blueprint(shop)
    accounts.init_app(app)
    browser = browser_of(app)
    assert [browser.get(path).status_code for path in FILES] == [303, 303]
    browser.sign_in()
    assert [browser.get(path).status_code for path in FILES] == [200, 200]
