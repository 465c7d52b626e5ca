"""An application with its own LoginManager keeps it, and our session answers where that has no user."""

from __future__ import annotations

from flask import Flask, render_template_string

from genkan import Genkan
from tests.browser import Browser
from tests.extension.login_manager.conftest import (
    ANONYMOUS,
    OURS,
    SESSION_COOKIE,
    MakeShop,
    add_views,
    make_manager,
    names,
)
from tests.extension.test_first_use import browser_of


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


def test_a_template_that_is_rendered_without_a_request_has_no_user(shop: Flask) -> None:
    """For example an e-mail of a job. Flask-Login adds `current_user` to every template."""
    browser = browser_of(shop)
    browser.sign_in()
    with shop.app_context():
        assert (
            render_template_string("Hello {{ name }}{{ ' ' ~ current_user.name if current_user }}", name="Zoë")
            == "Hello Zoë"
        )
