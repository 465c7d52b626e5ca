"""Several applications, other kinds of LoginManager, strict applications, and none."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from flask import Flask
from flask_login import LoginManager, current_user, logout_user

import genkan
from genkan import auth
from genkan.settings.environment import ROOT
from genkan.web.state import get_state
from tests.extension.conftest import MakeGuest
from tests.extension.login_manager.conftest import (
    ANONYMOUS,
    OURS,
    SESSION_COOKIE,
    Customer,
    MakeShop,
    Visitor,
    add_views,
    make_manager,
    names,
)
from tests.extension.test_first_use import browser_of

SECRET = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"


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


def test_first_requests_at_the_same_time_all_have_our_user(make_shop: MakeShop) -> None:
    browser = browser_of(make_shop(AUTH_SECRET=SECRET))
    browser.sign_in()
    cookie = {"Cookie": f"{SESSION_COOKIE}={browser.cookie(SESSION_COOKIE)}"}
    app = make_shop(AUTH_SECRET=SECRET)
    start = Barrier(8)

    def request(path: str) -> str:
        start.wait(timeout=30)
        return app.test_client(use_cookies=False).get(path, headers=cookie).text

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(request, ["/name", "/template"] * 4)) == {OURS}
    assert app.login_manager.anonymous_user.anonymous_user is Visitor  # type: ignore[attr-defined]  # set by Flask-Login


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


def test_a_strict_application_without_a_manager_gets_one_whose_sign_out_ends_our_session(make_guest: MakeGuest) -> None:
    app = make_guest(strict=True)
    app.add_url_rule("/logout", "logout", lambda: f"{logout_user()} {current_user.is_authenticated} {auth()}")
    browser = browser_of(app)
    browser.sign_in()
    assert browser.get("/logout").text == "True False None"
    assert browser.get("/logout").status_code == 303


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
