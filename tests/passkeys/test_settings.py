"""Requirements of passkeys, and applications that lack one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

import genkan.testing
from genkan import ConfigurationError, Genkan, check
from genkan.passkey.parts import rp_id_of
from genkan.settings.passkeys import passkeys
from tests.browser import Browser
from tests.conftest import MakeApp
from tests.extension.own_users.shops import make_shop
from tests.passkeys.ceremonies import OPTIONS, add_passkey, error_of, options, sign_in, stored_id


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


@pytest.mark.parametrize(
    ("url", "rp_id"),
    [
        ("https://app.example.com", "app.example.com"),
        ("https://app.example.com:8443", "Example.com"),
        ("https://a.b.example.com", "b.example.com"),
        ("http://localhost:8000", "localhost"),
    ],
)
def test_passkeys_may_be_bound_to_the_host_or_a_domain_above_it(url: str, rp_id: str) -> None:
    assert passkeys({"AUTH_PASSKEY_RP_ID": rp_id}, url).rp_id == rp_id.lower()
    assert passkeys({}, url).rp_id is None


@pytest.mark.parametrize(
    ("url", "rp_id"),
    [
        ("http://app.localhost:8000", "localhost"),
        ("https://192.0.2.1", "2.1"),
        ("https://example.com", "app.example.com"),
        ("https://example.com", "example.com."),
        ("https://notexample.com", "example.com"),
    ],
)
def test_other_domains_stop_the_start_with_one_sentence(url: str, rp_id: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_PASSKEY_RP_ID: it is neither the host of AUTH_URL nor "):
        passkeys({"AUTH_PASSKEY_RP_ID": rp_id}, url)


def test_a_passkey_of_a_parent_domain_is_accepted_from_the_own_origin_only(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        app = make_app(
            AUTH_URL="http://app.example.localhost:8000", AUTH_PASSKEYS="on", AUTH_PASSKEY_RP_ID="example.localhost"
        )
    # The application warns of no provider, and the log names the domain.
    assert caplog.messages == ["passkeys are bound to example.localhost"]
    assert "Passkeys: bound to example.localhost, " in app.test_cli_runner().invoke(args=["genkan", "doctor"]).output
    browser = Browser(app)
    genkan.testing.sign_in(app, browser.client)
    authenticator = add_passkey(browser, rp_id="example.localhost")

    assert options(browser)["rpId"] == options(browser, "register")["rp"]["id"] == "example.localhost"
    assert error_of(sign_in(Browser(app), authenticator)) is None
    other = "http://example.localhost:8000"
    assert error_of(sign_in(Browser(app), authenticator, origin=other)) == "WebAuthnVerificationError"
    assert error_of(sign_in(Browser(app), authenticator, rp_id=other)) == "WebAuthnVerificationError"


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
        ({"AUTH_PASSKEYS": "yes"}, "AUTH_PASSKEYS: it is neither on nor off"),
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


@pytest.mark.parametrize(
    ("key", "library", "database"),
    [("integer", "flask-sqlalchemy", "sqlite"), ("uuid", "sqlalchemy", "postgresql")],
)
def test_an_application_with_users_of_its_own_has_passkeys(
    tmp_path: Path, key: str, library: str, database: str, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/shop.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
    settings: dict[str, Any] = {"AUTH_PASSKEYS": "on", "AUTH_TOTP": "on", "AUTH_URL": "http://localhost:5000"}
    shop = make_shop(tmp_path, url, key=key, library=library, **settings)
    browser = Browser(shop.app)
    browser.sign_in()
    assert browser.get("/genkan/account/totp").status_code == 200
    first, second = add_passkey(browser), add_passkey(browser)
    me = browser.get("/me").get_json()
    other = Browser(shop.app)

    assert first.handle == second.handle
    assert error_of(sign_in(other, first)) is None
    assert other.get("/me").get_json() == me == str(shop.users()[0].id)
    assert "Your passkeys" in other.get("/genkan/account/passkeys").text
    assert other.submit("/genkan/account/passkeys/remove", id=stored_id(first.id)).status_code == 303
    assert error_of(sign_in(Browser(shop.app), first)) == "Configuration"
    assert error_of(sign_in(Browser(shop.app), second)) is None
    with shop.context() as session:
        session.delete(session.query(shop.User).one())
        session.commit()
    assert error_of(sign_in(Browser(shop.app), second)) == "Configuration"
    with shop.engine_context() as connection:
        for table in ("authenticators", "passkey_handles", "accounts", "totp", "sessions", "activity", "users"):
            assert connection.execute(text(f"SELECT count(*) FROM genkan_{table}")).scalar() == 0, table
    with shop.app.app_context():
        shop.engine().dispose()
