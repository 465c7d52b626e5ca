"""What the owner sets shows in the application, and what would open it to the network is refused."""

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
    "AUTH_OIDC_ID": "house",
    "AUTH_OIDC_SECRET": "Kq7Xw2Zp9Lr4Nt6Vb8Ym1Cd3Fg5Hj0Ts",
    "AUTH_OIDC_ISSUER": "https://id.example.test",
}
OPEN_TO_ALL = ["0.0.0.0", "::", "192.168.1.2", "app.example.test", "localhost.example.test", "0:0:0:0:0:0:0:0"]
OPEN_TO_US = ["127.0.0.1", "127.8.8.8", "::1", "localhost"]


@pytest.mark.parametrize("host", OPEN_TO_ALL)
def test_a_house_that_the_network_reaches_has_no_development_provider(host: str) -> None:
    """It vouches for whoever asks."""
    assert not environment.from_environment({**DEVELOPMENT, "HOST": host}).development_provider


@pytest.mark.parametrize("host", OPEN_TO_ALL)
def test_nor_can_it_be_asked_for(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_DEVELOPMENT_PROVIDER: [^.]+\. .*127\.0\.0\.1"):
        environment.from_environment({**DEVELOPMENT, "HOST": host, "AUTH_DEVELOPMENT_PROVIDER": "on"})


@pytest.mark.parametrize("host", OPEN_TO_US)
def test_a_house_that_only_this_computer_reaches_has_one(host: str) -> None:
    assert environment.from_environment({**DEVELOPMENT, "HOST": host}).development_provider
    assert environment.from_environment(
        {**DEVELOPMENT, "HOST": host, "AUTH_DEVELOPMENT_PROVIDER": "on"}
    ).development_provider


def test_without_a_development_provider_there_is_neither_a_door_nor_a_button(make_app: MakeApp) -> None:
    browser = Browser(make_app(HOST="0.0.0.0", **OIDC))

    assert browser.get("/development/authorize").status_code == 404
    assert browser.get("/development/.well-known/openid-configuration").status_code == 404
    assert set(browser.get("/api/auth/providers").get_json()) == {"oidc"}


def test_a_provider_of_ones_own_has_its_name_on_the_button(make_app: MakeApp) -> None:
    browser = Browser(make_app(**OIDC, AUTH_OIDC_NAME="Hillside & Sons"))

    assert "Sign in with Hillside &amp; Sons" in " ".join(browser.get("/api/auth/signin").text.split())
    assert browser.get("/api/auth/providers").get_json()["oidc"]["name"] == "Hillside & Sons"


@pytest.mark.parametrize("name", ["x" * 41, "a\u202eb", "a\0b"])
def test_a_name_that_fits_on_no_button_is_refused(make_app: MakeApp, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_OIDC_NAME "):
        make_app(**OIDC, AUTH_OIDC_NAME=name)


def test_a_slip_of_the_pen_in_a_providers_name_is_one_warning(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "genkan"):
        make_app(AUTH_GTIHUB_ID="Iv1.8a61f9b3a7aba766", AUTH_GTIHUB_SECRET="Kq7Xw2Zp9Lr4Nt6Vb8Ym1Cd3")

    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "AUTH_GTIHUB_ID" in warning
    assert not any(value in warning for value in ("Iv1.", "Kq7X"))


def test_providers_that_there_are_bring_no_warning(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "genkan"):
        make_app(**OIDC, AUTH_MICROSOFT_ENTRA_ID_ID="house", AUTH_MICROSOFT_ENTRA_ID_SECRET="Kq7Xw2Zp9Lr4Nt6Vb8Ym")

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_a_session_is_re_issued_at_every_reading_when_that_is_asked_for(
    make_app: MakeApp, clock: FrozenClock, strategy: str
) -> None:
    """As in Auth.js with `updateAge: 0`."""
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
