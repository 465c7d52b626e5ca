"""Paths that an application chooses for the routes of the package, and further origins of the site."""

from __future__ import annotations

import pytest
from flask import Flask

from genkan import check
from genkan.core import Pages
from genkan.errors import ConfigurationError
from genkan.web.state import get_state
from tests.browser import Browser
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of

PATHS = {
    "GENKAN_BASE_PATH": "/auth",
    "GENKAN_STATIC_PATH": "/files/genkan",
    "GENKAN_ACCOUNT_PATH": "/me",
    "GENKAN_MENU_PATH": "/me/menu",
}
SECRET = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"
SHOP, APP = "https://shop.example", "https://app.shop.example"
PRODUCTION: dict[str, object] = {"SECRET_KEY": SECRET, "AUTH_URL": SHOP, "GENKAN_ENV": "production"}


class BrowserAtAuth(Browser):
    """Browser of an application whose base path is /auth."""

    def csrf_token(self) -> str:
        """Return the CSRF token of this browser."""
        return str(self.get("/auth/csrf").get_json()["csrfToken"])

    def sign_in_at_auth(self, callback_url: str) -> str:
        """Sign in by the development provider. Return the URL that the sign-in ends at."""
        started = self.submit("/auth/signin/development", callbackUrl=callback_url).headers["Location"]
        return self.get(self.choose(started)).headers["Location"]


def _browser(app: Flask) -> BrowserAtAuth:
    app.test_client().get("/auth/csrf")
    return BrowserAtAuth(app)


@pytest.mark.parametrize("source", ["keyword", "configuration", "environment"])
def test_every_path_can_be_set(make_guest: MakeGuest, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    if source == "environment":
        for name, value in PATHS.items():
            monkeypatch.setenv(name, value)
    app = make_guest(PATHS if source == "configuration" else {}, **(PATHS if source == "keyword" else {}))
    browser = _browser(app)
    assert browser.get("/private").headers["Location"] == "/auth/signin?callbackUrl=%2Fprivate"
    assert browser.sign_in_at_auth("/private") == "http://localhost/private"
    page = browser.get("/me").text
    assert 'action="/me/name"' in page
    assert 'action="/auth/signout"' in page
    assert 'hx-get="/me/menu"' in page
    style = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    assert style.startswith("/files/genkan/css/")
    assert browser.get(style).status_code == browser.get("/me/menu").status_code == 200
    for old in ("/api/auth/session", "/genkan/account", "/genkan/menu", "/genkan/static/css/menu.css", "/development"):
        assert browser.get(old).status_code == 404


def test_auth_url_may_end_in_the_base_path(make_guest: MakeGuest) -> None:
    app = make_guest(PRODUCTION, testing=False, GENKAN_BASE_PATH="/auth", AUTH_URL=f"{SHOP}/auth")
    core = get_state(app).core
    assert (core.prefix, core.action_url("/signin")) == ("", f"{SHOP}/auth/signin")


def test_two_applications_in_one_process_have_paths_of_their_own(make_guest: MakeGuest) -> None:
    browser, other = browser_of(make_guest()), _browser(make_guest(GENKAN_BASE_PATH="/auth"))
    browser.sign_in()
    assert other.sign_in_at_auth("/") == "http://localhost/"
    assert browser.session() is not None
    assert browser.get("/auth/session").status_code == other.get("/api/auth/session").status_code == 404


def test_the_development_provider_shadows_no_page_of_the_application(make_guest: MakeGuest) -> None:
    app = make_guest()
    app.add_url_rule("/development/authorize", "own", lambda: "a page of the application")
    browser = browser_of(app)
    assert browser.get("/development/authorize").text == "a page of the application"
    browser.sign_in()
    assert browser.session() is not None


def test_a_path_of_pages_counts_more_than_its_variable(make_guest: MakeGuest) -> None:
    app = make_guest(PATHS, pages=Pages(account="/profile"))
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert {"/profile", "/me/menu", "/auth/session"} <= rules
    assert "/me" not in rules


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("path", ["auth", "/", "/auth/", "//auth", "/a b", "/<id>", "/a/../b", "/a?b", "/%61"])
def test_a_variable_that_is_no_path_is_refused(make_guest: MakeGuest, name: str, path: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name}: it is not a path\. Set it to one such as /auth,"):
        make_guest({name: path})


def test_two_equal_paths_are_refused(make_guest: MakeGuest) -> None:
    with pytest.raises(ConfigurationError, match="another path of Genkan is the same"):
        make_guest(GENKAN_ACCOUNT_PATH="/me", GENKAN_MENU_PATH="/me")


@pytest.fixture(name="shop", params=[f"{APP}, https://www.shop.example", [f"{APP}/", "https://www.shop.example"]])
def _shop(make_guest: MakeGuest, request: pytest.FixtureRequest) -> Browser:
    """Return a browser of an application with two further origins, which are separated by comma and space or a list."""
    app = make_guest({"SECRET_KEY": SECRET, "AUTH_URL": "http://localhost", "AUTH_URLS": request.param})
    return Browser(app)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (APP, "Hana Example"),
        ("https://www.shop.example", "Hana Example"),
        ("http://localhost", "Hana Example"),
        ("http://app.shop.example", "a guest"),
        ("https://app.shop.example:8443", "a guest"),
        ("https://app.shop.example.evil.example", "a guest"),
        ("null", "a guest"),
    ],
)
def test_a_request_of_a_further_origin_is_the_site_s_own(shop: Browser, origin: str, expected: str) -> None:
    shop.sign_in()
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    assert shop.post("/order", headers=headers).text == f"ordered by {expected}"


@pytest.mark.parametrize(("origin", "status"), [(APP, 303), ("https://evil.example", 403)])
def test_a_form_of_a_further_origin_can_sign_in(shop: Browser, origin: str, status: int) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-site"}
    response = shop.submit("/api/auth/signin/development", headers, callbackUrl=f"{APP}/orders?page=2")
    assert response.status_code == status
    if status == 303:
        assert shop.get(shop.choose(response.headers["Location"])).headers["Location"] == f"{APP}/orders?page=2"


def test_a_form_of_a_further_origin_needs_the_token(shop: Browser) -> None:
    response = shop.post("/api/auth/signin/development", headers={"Origin": APP}, data={"callbackUrl": "/"})
    assert "error=MissingCSRF" in response.headers["Location"]


@pytest.mark.parametrize(
    "url", ["https://evil.example", f"{APP}@evil.example/", f"{APP}.evil.example/", f"{APP}:8443/"]
)
def test_no_other_origin_is_a_callback_url(shop: Browser, url: str) -> None:
    assert shop.sign_in(callback_url=url).headers["Location"] == "http://localhost"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (f"{APP}/path", "one of them has a path"),
        ("app.shop.example", "it is not an http or https URL"),
        ("http://app.shop.example", "it is http, which is not encrypted"),
        (f"{APP}?a=1", "it has a user, a query or a fragment"),
        ("*", "it is not an http or https URL"),
    ],
)
def test_an_invalid_further_origin_is_refused(make_guest: MakeGuest, value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^AUTH_URLS: {problem}"):
        check(make_guest({**PRODUCTION, "AUTH_URLS": value}, testing=False))
