"""The development provider needs no password, so only a browser on this computer gets its pages."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of

PAGE = "/development/authorize"


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
