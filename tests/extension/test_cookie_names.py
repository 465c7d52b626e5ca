"""Names and path of the cookies: two applications on one host, and an application that keeps its cookies to a path."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask import Flask, stream_template_string
from werkzeug.test import TestResponse

from genkan import check
from genkan.crypto.sealer import Sealer
from genkan.errors import ConfigurationError
from genkan.web.state import get_state
from tests.browser import Browser
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of

SECRET = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"
PRODUCTION: dict[str, object] = {
    "SECRET_KEY": SECRET,
    "AUTH_URL": "https://shop.example/shop",
    "GENKAN_ENV": "production",
}


class RecordingBrowser(Browser):
    """Browser that keeps the Set-Cookie headers that it receives."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.lines: list[str] = []

    def get(self, path: str, **request: Any) -> TestResponse:
        """Send GET."""
        return self._record(super().get(path, **request))

    def post(self, path: str, **request: Any) -> TestResponse:
        """Send POST."""
        return self._record(super().post(path, **request))

    def _record(self, response: TestResponse) -> TestResponse:
        self.lines += response.headers.getlist("Set-Cookie")
        return response

    def set_cookies(self) -> Iterator[tuple[str, str]]:
        """Yield name and path of each cookie that was set."""
        for line in self.lines:
            for name, morsel in SimpleCookie(line).items():
                yield name, morsel["path"]


def test_the_prefix_renames_all_cookies(make_guest: MakeGuest) -> None:
    app = make_guest(GENKAN_COOKIE_PREFIX="shop", AUTH_URL="http://localhost")
    browser = RecordingBrowser(app)
    browser.sign_in()
    browser.sign_out()
    names = {name for name, _ in browser.set_cookies()}
    kinds = {name.removeprefix("shop.").partition(".")[0] for name in names}
    assert all(name.startswith("shop.") for name in names)
    assert kinds == {"csrf-token", "callback-url", "flow", "last-used", "session-token"}
    assert browser.session() is None


def test_the_cookie_s_name_is_the_salt_of_its_key(make_guest: MakeGuest) -> None:
    """Auth.js's rule, so that a Next.js front end with the same name reads the session."""
    browser = browser_of(make_guest(GENKAN_COOKIE_PREFIX="shop", AUTH_SECRET=SECRET))
    browser.sign_in()
    token = browser.cookie("shop.session-token") or ""
    assert Sealer([SECRET], "shop.session-token", time.time).open(token)["name"] == "Hana Example"


def test_two_applications_on_one_host_leave_each_other_s_cookies_alone(make_guest: MakeGuest) -> None:
    one = browser_of(make_guest(AUTH_SECRET=SECRET))
    other = browser_of(make_guest(AUTH_SECRET=SECRET[::-1], GENKAN_COOKIE_PREFIX="shop"))
    other.client._cookies = one.client._cookies
    one.sign_in("Hana Example")
    other.sign_in("Alex Admin")
    assert [(browser.session() or {})["user"]["name"] for browser in (one, other)] == ["Hana Example", "Alex Admin"]
    other.sign_out()
    assert (one.session() is None, other.session() is None) == (False, True)


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_a_cookie_of_the_same_name_under_another_secret_is_left_alone(make_guest: MakeGuest, strategy: str) -> None:
    """Only a sign-in and a sign-out replace it."""
    one = browser_of(make_guest(AUTH_SECRET=SECRET))
    other = RecordingBrowser(
        make_guest(AUTH_SECRET=SECRET[::-1], AUTH_SESSION_STRATEGY=strategy, AUTH_URL="http://localhost")
    )
    other.client._cookies = one.client._cookies
    one.sign_in("Hana Example")
    for path in (
        "/greeting",
        "/api/auth/session",
        "/genkan/menu",
        "/genkan/account",
        "/api/auth/signin",
        "/api/auth/signout",
    ):
        other.get(path)
    assert other.session() is None
    assert "authjs.session-token" not in {name for name, _ in other.set_cookies()}
    assert (one.session() or {})["user"]["name"] == "Hana Example"
    other.sign_in("Alex Admin")
    assert ((other.session() or {})["user"]["name"], one.session()) == ("Alex Admin", None)
    other.sign_out()
    assert other.cookie("authjs.session-token") is None


def test_an_expired_cookie_of_our_own_is_deleted(make_guest: MakeGuest) -> None:
    app = make_guest(AUTH_SECRET=SECRET)
    browser = browser_of(app)
    expired = Sealer([SECRET], "authjs.session-token", lambda: time.time() - 3600).seal({"sub": "1"}, 60)
    browser.client.set_cookie("authjs.session-token", expired)
    assert browser.session() is None
    assert browser.cookie("authjs.session-token") is None


@pytest.mark.parametrize(
    ("path", "csrf"),
    [
        ("/", "__Host-authjs.csrf-token"),
        ("/shop", "__Secure-authjs.csrf-token"),
        ("/shop/", "__Secure-authjs.csrf-token"),
    ],
)
def test_only_the_path_of_the_whole_host_allows_host_cookies(make_guest: MakeGuest, path: str, csrf: str) -> None:
    core = get_state(make_guest(PRODUCTION, testing=False, GENKAN_COOKIE_PATH=path)).core
    names = core.cookie_names
    assert (names.csrf, names.session, core.cookie_path) == (csrf, "__Secure-authjs.session-token", path)
    assert {name.partition("authjs")[0] for name in (names.flow_prefix, names.sign_out)} == {
        csrf.partition("authjs")[0]
    }


def test_all_cookies_have_the_path_also_those_that_are_deleted(make_guest: MakeGuest) -> None:
    app = make_guest(
        AUTH_URL="http://localhost",
        GENKAN_COOKIE_PATH="/api",
        GENKAN_ACCOUNT_PATH="/api/me",
        GENKAN_MENU_PATH="/api/menu",
    )
    browser = RecordingBrowser(app)
    browser.sign_in()
    assert browser.session() is not None
    assert browser.get("/greeting").text == "Hello stranger"
    browser.sign_out()
    assert browser.session() is None
    assert {path for _, path in browser.set_cookies()} == {"/api"}


@pytest.mark.parametrize("path", ["/elsewhere", "/sho", "/shop/api"])
def test_a_path_without_the_sign_in_or_the_menu_is_refused(make_guest: MakeGuest, path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^GENKAN_COOKIE_PATH: browsers would send no cookie"):
        check(make_guest(PRODUCTION, testing=False, GENKAN_COOKIE_PATH=path))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("GENKAN_COOKIE_PREFIX", "__Host-shop", "it cannot begin the name of a cookie"),
        ("GENKAN_COOKIE_PREFIX", "my shop", "it cannot begin the name of a cookie"),
        ("GENKAN_COOKIE_PREFIX", "a=b", "it cannot begin the name of a cookie"),
        ("GENKAN_COOKIE_PREFIX", "a" * 65, "it cannot begin the name of a cookie"),
        ("GENKAN_COOKIE_PATH", "shop", "it is not a path"),
        ("GENKAN_COOKIE_PATH", "/shop; Domain=example", "it is not a path"),
    ],
)
def test_an_invalid_value_is_refused(make_guest: MakeGuest, name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name}: {problem}\. "):
        check(make_guest({**PRODUCTION, name: value}, testing=False))


def test_a_streamed_page_is_private_with_a_renamed_cookie_only(make_guest: MakeGuest) -> None:
    """The headers of a body that may ask for the session later depend on our own cookie."""
    app = make_guest(GENKAN_COOKIE_PREFIX="shop")
    app.add_url_rule("/stream", "stream", lambda: stream_template_string("{{ auth().user.name if auth() else '-' }}"))
    browser = browser_of(app)
    browser.client.set_cookie("authjs.session-token", "of another application")
    assert "Cache-Control" not in browser.get("/stream").headers
    browser.sign_in()
    assert browser.get("/stream").headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(("environment", "count"), [("development", 1), ("production", 0)])
def test_development_warns_once_of_a_cookie_that_does_not_open(
    make_guest: MakeGuest, caplog: pytest.LogCaptureFixture, environment: str, count: int
) -> None:
    app = make_guest(AUTH_SECRET=SECRET, AUTH_URL="https://localhost", GENKAN_ENV=environment)
    browser = browser_of(app)
    for value in ("another-application-s", "and-another"):
        browser.client.set_cookie(app.extensions["genkan"].core.cookie_names.session, value, domain="localhost")
        assert browser.session() is None
    warnings = [record.getMessage() for record in caplog.records if getattr(record, "event", "") == "session-unknown"]
    assert len([warning for warning in warnings if "GENKAN_COOKIE_PREFIX" in warning]) == count
    assert "another" not in "".join(warnings).replace("another application", "")
