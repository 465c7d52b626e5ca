"""The development provider needs no password, so only a browser on this computer gets its pages."""

from __future__ import annotations

import pytest
from flask import Flask

from genkan import require_session, testing
from genkan.web.state import get_state
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of

PAGE = "/api/auth/development/authorize"


def status(app: Flask, environ: dict[str, object] | None = None, headers: dict[str, str] | None = None) -> int:
    return app.test_client().get(PAGE, environ_overrides=environ or {}, headers=headers).status_code


def test_the_browser_of_this_computer_gets_the_page(guest: Flask) -> None:
    browser = browser_of(guest)
    assert browser.get(browser.begin_sign_in().headers["Location"]).status_code == 200


def test_the_page_is_there_at_the_first_request_after_a_restart(guest: Flask) -> None:
    assert status(guest) == 400


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Via"])
def test_a_forwarded_request_gets_404(guest: Flask, header: str) -> None:
    browser_of(guest)
    assert status(guest, headers={header: "127.0.0.1"}) == 404


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "172.17.0.1"},
        {"SERVER_PROTOCOL": "HTTP/1.0"},
        {"REMOTE_ADDR": "127.0.0.1", "werkzeug.proxy_fix.orig": {"REMOTE_ADDR": "203.0.113.9"}},
    ],
)
def test_a_request_of_another_computer_gets_404(guest: Flask, environ: dict[str, object]) -> None:
    """A published port of a container has another peer, and nginx with a bare proxy_pass speaks HTTP/1.0."""
    browser_of(guest)
    assert status(guest, environ) == 404


def test_another_host_gets_404(guest: Flask) -> None:
    browser_of(guest)
    assert status(guest, headers={"Host": "app.example.com"}) == 404


def test_there_is_no_provider_outside_development(make_guest: MakeGuest) -> None:
    secret = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"
    app = make_guest({"AUTH_SECRET": secret, "AUTH_URL": "https://shop.example"}, testing=False)
    assert app.test_client().get("/api/auth/providers").get_json() == {}
    assert status(app) == 404


def test_an_ordinary_server_is_no_development(make_guest: MakeGuest) -> None:
    """Neither debugging nor testing, and not Werkzeug's server."""
    app = make_guest(testing=False)
    assert app.test_client().get("/api/auth/session").status_code == 503
    werkzeug = {"SERVER_SOFTWARE": "Werkzeug/3.1"}
    other = make_guest(testing=False)
    assert other.test_client().get("/api/auth/session", environ_base=werkzeug).status_code == 200


def test_a_user_whose_address_is_not_verified_has_no_address_and_no_role_by_it(guest: Flask) -> None:
    """The address counts for nothing: neither as the user's, nor to find or to link a user, nor for a role."""
    seen: list[tuple[str | None, str | None, str | None]] = []

    @guest.get("/who")
    def who() -> str:
        user = require_session().user
        seen.append((user.email, user.unverified_email, user.role))
        return ""

    testing.sign_in(guest, guest.test_client(), email="uma@example.com", name="Uma Owner", role="admin")
    browser = browser_of(guest)
    browser.sign_in("Uma Unverified")

    browser.get("/who")
    assert seen == [(None, "uma@example.com", "user")]
    session = browser.session() or {}
    assert "uma@example.com" not in str(session)
    users = {user.name: user for user in get_state(guest).core.adapter.list_users()}
    assert {name: user.email for name, user in users.items()} == {
        "Uma Owner": "uma@example.com",
        "Uma Unverified": None,
    }
    assert session["user"]["id"] == users["Uma Unverified"].id
    assert browser.get("/admin").status_code == 403
