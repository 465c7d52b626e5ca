"""Effects of settings on the application."""

from __future__ import annotations

import logging

import pytest

from genkan.errors import ConfigurationError
from genkan.settings import environment
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp

DEVELOPMENT = {"GENKAN_ENV": "development", "AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"}
OIDC = {
    "AUTH_OIDC_ID": "client",
    "AUTH_OIDC_SECRET": "Kq7Xw2Zp9Lr4Nt6Vb8Ym1Cd3Fg5Hj0Ts",
    "AUTH_OIDC_ISSUER": "https://id.example.test",
}
PUBLIC_HOSTS = ["0.0.0.0", "::", "192.168.1.2", "app.example.test", "localhost.example.test", "0:0:0:0:0:0:0:0"]
LOOPBACK_HOSTS = ["127.0.0.1", "127.8.8.8", "::1", "localhost"]


@pytest.mark.parametrize("host", PUBLIC_HOSTS)
def test_on_a_public_host_the_development_provider_is_off(host: str) -> None:
    """The development provider signs in any client as any user."""
    assert not environment.from_environment({**DEVELOPMENT, "HOST": host}).development_provider


@pytest.mark.parametrize("host", PUBLIC_HOSTS)
def test_on_a_public_host_the_development_provider_cannot_be_turned_on(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_DEVELOPMENT_PROVIDER: [^.]+\. .*127\.0\.0\.1"):
        environment.from_environment({**DEVELOPMENT, "HOST": host, "AUTH_DEVELOPMENT_PROVIDER": "on"})


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_on_a_loopback_host_the_development_provider_is_on(host: str) -> None:
    assert environment.from_environment({**DEVELOPMENT, "HOST": host}).development_provider
    assert environment.from_environment(
        {**DEVELOPMENT, "HOST": host, "AUTH_DEVELOPMENT_PROVIDER": "on"}
    ).development_provider


def test_without_the_development_provider_its_routes_and_its_button_are_missing(make_app: MakeApp) -> None:
    browser = Browser(make_app(HOST="0.0.0.0", **OIDC))

    assert browser.get("/development/authorize").status_code == 404
    assert browser.get("/development/.well-known/openid-configuration").status_code == 404
    assert set(browser.get("/api/auth/providers").get_json()) == {"oidc"}


def test_the_configured_name_of_a_provider_is_on_its_button(make_app: MakeApp) -> None:
    browser = Browser(make_app(**OIDC, AUTH_OIDC_NAME="Hillside & Sons"))

    assert "Sign in with Hillside &amp; Sons" in " ".join(browser.get("/api/auth/signin").text.split())
    assert browser.get("/api/auth/providers").get_json()["oidc"]["name"] == "Hillside & Sons"


@pytest.mark.parametrize("name", ["x" * 41, "a\u202eb", "a\0b"])
def test_an_invalid_provider_name_is_refused(make_app: MakeApp, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_OIDC_NAME "):
        make_app(**OIDC, AUTH_OIDC_NAME=name)


def test_a_misspelled_provider_variable_is_one_warning(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "genkan"):
        make_app(AUTH_GTIHUB_ID="Iv1.8a61f9b3a7aba766", AUTH_GTIHUB_SECRET="Kq7Xw2Zp9Lr4Nt6Vb8Ym1Cd3")

    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "AUTH_GTIHUB_ID" in warning
    assert not any(value in warning for value in ("Iv1.", "Kq7X"))


def test_known_provider_variables_cause_no_warning(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "genkan"):
        make_app(**OIDC, AUTH_MICROSOFT_ENTRA_ID_ID="client", AUTH_MICROSOFT_ENTRA_ID_SECRET="Kq7Xw2Zp9Lr4Nt6Vb8Ym")

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_with_update_age_zero_every_request_extends_the_session(
    make_app: MakeApp, clock: FrozenClock, strategy: str
) -> None:
    """Auth.js does the same with `updateAge: 0`."""
    settings = {"AUTH_SESSION_STRATEGY": strategy, "AUTH_SESSION_MAX_AGE": "600", "AUTH_SESSION_UPDATE_AGE": "0"}
    browser = Browser(make_app(**settings))
    browser.sign_in()
    for path in ("/api/auth/session", "/dashboard", "/api/auth/session"):
        (cookie,) = browser.get(path).headers.getlist("Set-Cookie")
        assert cookie.startswith("authjs.session-token=")
    for _ in range(3):
        clock.advance(500)
        assert browser.session()
    assert "authjs.session-token" not in browser.get("/health/live").headers.get("Set-Cookie", "")
    clock.advance(620)
    assert browser.session() is None
