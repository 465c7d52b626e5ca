"""An application with its own LoginManager keeps it, and our session answers where that has no user."""

from __future__ import annotations

import subprocess
import sys
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

import genkan
from genkan import Genkan, auth
from genkan.settings.environment import ROOT
from genkan.web.state import get_state
from tests.browser import Browser
from tests.extension.test_first_use import browser_of

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


def test_our_user_is_current_user_and_passes_login_required(shop: Flask) -> None:
    browser = browser_of(shop)
    assert names(browser) == {ANONYMOUS}
    browser.sign_in()
    assert names(browser) == {OURS}
    assert browser.get("/orders").text == f"orders of {(browser.session() or {})['user']['id']}"
    browser.sign_out()
    assert names(browser) == {ANONYMOUS}


def test_the_first_request_of_a_worker_has_our_user_already(make_shop: MakeShop) -> None:
    """Also in a `before_request` function that was registered before Genkan."""
    browser = browser_of(make_shop(AUTH_SECRET="Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"))
    browser.sign_in()
    app = Flask("shop", root_path=browser.app.root_path, instance_path=browser.app.instance_path)
    app.testing, app.secret_key = True, browser.app.secret_key
    add_views(app)
    make_manager().init_app(app)
    Genkan(app, AUTH_SECRET="Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-")
    cookie = {"Cookie": f"{SESSION_COOKIE}={browser.cookie(SESSION_COOKIE)}"}
    assert app.test_client(use_cookies=False).get("/name", headers=cookie).text == OURS


def test_their_own_users_stay(shop: Flask) -> None:
    browser = browser_of(shop)
    browser.sign_in()
    browser.post("/login")
    assert names(browser) == {"Customer"}
    assert browser.get("/orders").text == "orders of 1"


def test_their_manager_and_its_settings_stay(shop: Flask) -> None:
    manager = shop.login_manager  # type: ignore[attr-defined]  # set by Flask-Login
    browser = browser_of(shop)
    refused = browser.get("/orders")
    assert refused.headers["Location"] == "/login?next=%2Forders"
    with browser.client.session_transaction() as session:
        assert session["_flashes"] == [("message", "Who are you?")]
    assert shop.login_manager is manager  # type: ignore[attr-defined]
    assert (manager.unauthorized_callback, manager.session_protection) == (None, "basic")
    assert not {name for name in shop.config if name.startswith(("REMEMBER", "SESSION_PROTECTION", "LOGIN"))}


def test_their_remember_cookie_works_and_an_outdated_one_does_not_hide_our_user(shop: Flask) -> None:
    browser = browser_of(shop)
    browser.post("/login", data={"remember": "1"})
    assert browser.cookie("remember_token")
    browser.client.delete_cookie("session")
    assert names(browser) == {"Customer"}
    browser.client.delete_cookie("session")
    browser.client.set_cookie("remember_token", "1|outdated")
    assert names(browser) == {ANONYMOUS}
    browser.sign_in()
    assert names(browser) == {OURS}


def test_their_sign_out_ends_our_session(shop: Flask) -> None:
    browser = browser_of(shop)
    browser.sign_in()
    copy = browser.cookie(SESSION_COOKIE)
    assert browser.get("/logout").text == f"{ANONYMOUS} None"
    assert browser.cookie(SESSION_COOKIE) is None
    assert names(browser) == {ANONYMOUS}
    browser.client.set_cookie(SESSION_COOKIE, copy or "")
    assert names(browser) == {ANONYMOUS}
    browser.client.delete_cookie(SESSION_COOKIE)
    browser.sign_in()
    assert names(browser) == {OURS}


def test_their_sign_out_ends_both_sessions(shop: Flask) -> None:
    browser = browser_of(shop)
    browser.sign_in()
    browser.post("/login")
    assert browser.get("/logout").text == f"{ANONYMOUS} None"
    assert names(browser) == {ANONYMOUS}
    assert browser.session() is None


def test_their_sign_out_without_a_session_of_ours_sets_no_cookie_of_ours(shop: Flask) -> None:
    browser = Browser(shop)
    browser.post("/login")
    assert "authjs" not in str(browser.get("/logout").headers.getlist("Set-Cookie"))


def test_a_sign_out_of_one_application_ends_no_session_of_another(make_shop: MakeShop) -> None:
    one = browser_of(make_shop())
    other = browser_of(make_shop(AUTH_SECRET="Another9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk"))
    one.sign_in()
    other.sign_in()
    other.get("/logout")
    assert (names(one), names(other)) == ({OURS}, {ANONYMOUS})


def test_a_manager_that_several_applications_share_is_changed_once(make_shop: MakeShop) -> None:
    manager = make_manager()
    factories = [browser_of(make_shop(manager)) for _ in range(3)]
    for browser in factories:
        browser.sign_in()
        assert names(browser) == {OURS}
    assert manager.anonymous_user.anonymous_user is Visitor
    bare = Flask("bare")
    bare.secret_key = "x"
    manager.init_app(bare)
    add_views(bare)
    assert bare.test_client().get("/name").text == ANONYMOUS


def test_a_request_loader_of_theirs_comes_first(make_shop: MakeShop) -> None:
    manager = make_manager()
    manager.request_loader(lambda request: Customer("2") if "X-Key" in request.headers else None)
    browser = browser_of(make_shop(manager))
    browser.sign_in()
    assert browser.get("/orders", headers={"X-Key": "k"}).text == "orders of 2"
    assert names(browser) == {OURS}


def test_a_manager_without_any_loader_has_our_users(make_shop: MakeShop) -> None:
    manager = LoginManager()
    manager.anonymous_user = Visitor
    browser = browser_of(make_shop(manager))
    browser.sign_in()
    assert names(browser) == {OURS}


def test_a_request_that_another_site_caused_has_no_user(shop: Flask) -> None:
    shop.add_url_rule("/buy", "buy", lambda: str(current_user.name), methods=["POST"])
    browser = browser_of(shop)
    browser.sign_in()
    assert browser.post("/buy").text == OURS
    assert browser.post("/buy", headers={"Origin": "https://evil.example"}).text == ANONYMOUS


def test_requests_inside_one_application_context_have_their_own_users(shop: Flask) -> None:
    """Tests of an application often keep one open, and Flask-Login keeps the user there."""
    browser = browser_of(shop)
    with shop.app_context():
        assert names(browser) == {ANONYMOUS}
        browser.sign_in()
        assert names(browser) == {OURS}
        browser.get("/logout")
        assert names(browser) == {ANONYMOUS}
        browser.post("/login")
        assert names(browser) == {"Customer"}


def test_a_page_of_our_user_is_kept_from_shared_caches(shop: Flask) -> None:
    browser = browser_of(shop)
    browser.sign_in()
    assert browser.get("/template").headers["Cache-Control"] == "private, no-store"


def test_a_strict_application_keeps_its_own_manager_too(make_shop: MakeShop) -> None:
    for genkan_first in (False, True):
        app = make_shop(genkan_first=genkan_first, strict=True)
        manager = app.login_manager  # type: ignore[attr-defined]
        browser = browser_of(app)
        assert browser.get("/name").status_code == 303
        browser.sign_in()
        assert names(browser) == {OURS}
        assert app.login_manager is manager  # type: ignore[attr-defined]
        assert manager.login_view == "login"
        assert "REMEMBER_COOKIE_NAME" not in app.config


def test_the_user_of_the_package_is_false_without_a_session(guest: Flask) -> None:
    def describe() -> str:
        user = genkan.current_user
        return f"{user.name} {user.role} {user.get_id() == user.id} {user.is_authenticated}" if user else ANONYMOUS

    guest.add_url_rule("/describe", "describe", describe)
    browser = browser_of(guest)
    assert browser.get("/describe").text == ANONYMOUS
    browser.sign_in()
    assert browser.get("/describe").text == f"{OURS} user True True"
    assert not genkan.current_user


def test_an_application_without_flask_login_does_not_import_it() -> None:
    program = """
import sys, flask, genkan
app = flask.Flask("guest")
app.testing = True
genkan.Genkan(app, GENKAN_DATABASE_URL="sqlite:////nonexistent/folder/x.db", AUTH_SECRET="w" * 4 + "m9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0")
app.add_url_rule("/", "front", lambda: "front")
assert app.test_client().get("/").text == "front"
assert not hasattr(app, "login_manager") and "flask_login" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_a_failing_store_leaves_the_browser_signed_out_and_is_logged(
    make_shop: MakeShop, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_shop()
    browser = browser_of(app)
    browser.sign_in()
    database = Path(app.instance_path) / "genkan.db"
    database.write_bytes(b"not a database" * 100)
    assert browser.get("/logout").text == f"{ANONYMOUS} None"
    assert "session was not revoked" in caplog.text
    assert browser.cookie(SESSION_COOKIE) is None
    assert get_state(app).is_built
