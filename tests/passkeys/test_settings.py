"""Requirements of passkeys, and applications that lack one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from genkan import ConfigurationError, Genkan, check
from genkan.passkey.parts import rp_id_of
from tests.browser import Browser
from tests.conftest import MakeApp
from tests.extension.own_users.shops import make_shop
from tests.passkeys.ceremonies import OPTIONS, add_passkey, error_of, sign_in


@pytest.mark.parametrize(
    ("origin", "rp_id"),
    [
        ("https://app.example.com", "app.example.com"),
        ("https://app.example.com:8443", "app.example.com"),
        ("http://localhost:8000", "localhost"),
        ("http://app.localhost:8000", "app.localhost"),
        ("http://127.0.0.1:8000", None),
        ("http://[::1]:8000", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
        ("http://app.example.com", None),
        ("http://localhost.example.com", None),
    ],
)
def test_passkeys_are_bound_to_a_host_name(origin: str, rp_id: str | None) -> None:
    assert rp_id_of(origin) == rp_id


def test_at_an_ip_address_passkeys_are_off_and_the_page_says_why(make_app: MakeApp) -> None:
    browser = Browser(make_app(AUTH_PASSKEYS="on"))
    browser.sign_in()

    assert "passkey" not in browser.get("/api/auth/providers").get_json()
    assert browser.get(OPTIONS).status_code == 404
    assert "data-passkey" not in browser.get("/api/auth/signin").get_data(as_text=True)
    page = browser.get("/account/passkeys").get_data(as_text=True)
    assert "browsers have none at <b>http://127.0.0.1:5000</b>" in page
    assert 'href="/account/passkeys"' in browser.get("/account").get_data(as_text=True)


def test_passkeys_are_off_by_default(make_app: MakeApp) -> None:
    browser = Browser(make_app(AUTH_URL="http://localhost:8000"))
    browser.sign_in()

    assert "passkey" not in browser.get("/api/auth/providers").get_json()
    assert browser.get(OPTIONS).status_code == 404
    assert browser.get("/account/passkeys").status_code == 404
    assert "asskey" not in browser.get("/account").get_data(as_text=True)
    assert "asskey" not in browser.get("/api/auth/signin").get_data(as_text=True)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"database": None}, "AUTH_PASSKEYS: it needs a database"),
        ({"pages": False}, "AUTH_PASSKEYS: it needs pages"),
        ({"AUTH_PASSKEYS": "yes"}, "AUTH_PASSKEYS: it is neither off nor on"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, settings: dict[str, Any], problem: str) -> None:
    app = Flask("app", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    app.testing = True
    Genkan(app, **{"AUTH_PASSKEYS": "on", "AUTH_URL": "http://localhost:5000", **settings})

    with pytest.raises(ConfigurationError, match=problem):
        check(app)


def test_the_missing_package_is_named(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webauthn", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'genkan\[passkeys\]'"):
        make_app(AUTH_PASSKEYS="on", AUTH_URL="http://localhost:8000")


def test_an_application_at_127_0_0_1_has_its_sign_in_at_localhost(tmp_path: Path) -> None:
    app = Flask("app", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    app.debug = True
    Genkan(app, AUTH_PASSKEYS="on")
    client = app.test_client()

    response = client.get("/api/auth/signin", base_url="http://127.0.0.1:5055")
    assert response.headers["Location"] == "http://localhost:5055/api/auth/signin"
    assert "data-passkey" in client.get("/api/auth/signin", base_url="http://localhost:5055").get_data(as_text=True)


def test_an_application_with_users_of_its_own_has_passkeys(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, f"sqlite:///{tmp_path}/shop.db", AUTH_PASSKEYS="on", AUTH_URL="http://localhost:5000")
    browser = Browser(shop.app)
    browser.sign_in()
    authenticator = add_passkey(browser)
    me = browser.get("/me").get_json()
    other = Browser(shop.app)

    assert error_of(sign_in(other, authenticator)) is None
    assert other.get("/me").get_json() == me
    assert "Your passkeys" in other.get("/genkan/account/passkeys").get_data(as_text=True)
    with shop.context() as session:
        session.delete(session.query(shop.User).one())
        session.commit()
    assert error_of(sign_in(Browser(shop.app), authenticator)) == "Configuration"
    with shop.app.app_context():
        shop.engine().dispose()
