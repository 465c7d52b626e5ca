"""`Genkan(app, pages=False)`: JSON only, for a front end of its own."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan import Genkan, check
from genkan.errors import ConfigurationError
from genkan.settings.environment import ROOT
from genkan.web.state import get_state
from tests.browser import HTMX, Browser
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of
from tests.provider_client import provider_env, query
from tests.servers.faulty.provider import FaultyProvider

ERROR_URL = "https://app.shop.example/sign-in-failed"
LOCAL = "http://localhost"
CALLBACK = "/api/auth/callback/development?state=unknown"
PAGES = (
    "/api/auth/signin",
    "/api/auth/signout",
    "/api/auth/error",
    "/api/auth/verify-request",
    "/api/auth/signed-in",
    "/genkan/account",
    "/genkan/account/delete",
    "/genkan/menu",
)


@pytest.fixture(name="api")
def _api(make_guest: MakeGuest) -> Browser:
    return browser_of(make_guest(pages=False))


@pytest.fixture(name="api_with_error_url")
def _api_with_error_url(make_guest: MakeGuest) -> Browser:
    return browser_of(make_guest(pages=False, GENKAN_ERROR_URL=ERROR_URL))


def _is_json(response: TestResponse, status: int, body: object) -> bool:
    return (response.status_code, response.mimetype, response.get_json()) == (status, "application/json", body)


def fetch(browser: Browser, path: str, **fields: Any) -> TestResponse:
    """Send JSON as a script does, with the CSRF token."""
    return browser.post(path, json={"csrfToken": browser.csrf_token(), **fields})


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("signed_in", [False, True])
def test_no_page_is_served(api: Browser, path: str, signed_in: bool) -> None:
    if signed_in:
        api.sign_in()
    assert _is_json(api.get(path, headers={"Accept": "text/html"}), 404, {"error": "Not Found"})


def test_a_form_of_the_account_page_is_404(api: Browser) -> None:
    api.sign_in()
    assert _is_json(api.submit("/genkan/account/name", name="x"), 404, {"error": "Not Found"})


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/html"}, HTMX])
def test_a_refusal_is_json_for_every_client(api: Browser, headers: dict[str, str]) -> None:
    assert _is_json(api.get("/private", headers=headers), 401, {"error": "Unauthorized"})
    api.sign_in()
    assert _is_json(api.get("/admin", headers=headers), 403, {"error": "Forbidden"})
    assert api.get("/private", headers=headers).status_code == 200


def test_a_script_signs_in_and_out(api: Browser) -> None:
    started = fetch(api, "/api/auth/signin/development", callbackUrl="/orders")
    assert started.status_code == 200
    url = started.get_json()["url"]
    assert url.startswith(f"{LOCAL}/api/auth/development/authorize?")
    completed = api.get(api.choose(url))
    assert (completed.status_code, completed.headers["Location"]) == (302, f"{LOCAL}/orders")
    assert (api.session() or {})["user"]["name"] == "Hana Example"
    assert list(api.get("/api/auth/providers").get_json()) == ["development"]
    ended = fetch(api, "/api/auth/signout", callbackUrl="/bye")
    assert _is_json(ended, 200, {"url": f"{LOCAL}/bye"})
    assert api.session() is None


def test_the_client_of_auth_js_and_a_plain_form_sign_in(api: Browser) -> None:
    form = api.begin_sign_in()
    assert (form.status_code, api.get(form.headers["Location"]).status_code) == (303, 200)
    returned = api.submit("/api/auth/signin/development", {"X-Auth-Return-Redirect": "1"}, callbackUrl="/")
    assert api.get(api.choose(returned.get_json()["url"])).headers["Location"] == f"{LOCAL}/"


def test_htmx_gets_no_menu(api: Browser) -> None:
    api.sign_in()
    response = api.submit("/api/auth/signout", headers=HTMX, callbackUrl="/bye")
    assert (response.status_code, response.headers["HX-Redirect"]) == (204, f"{LOCAL}/bye")


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (CALLBACK, 400, {"error": "Configuration", "reason": "expired"}),
        ("/api/auth/callback/none", 400, {"error": "Configuration", "reason": "provider"}),
        ("/api/auth/signin/development", 400, {"error": "Configuration", "reason": None}),
    ],
)
def test_a_failed_sign_in_is_json(api: Browser, path: str, status: int, body: dict[str, str | None]) -> None:
    api.get("/api/auth/csrf")
    assert _is_json(api.get(path, headers={"Accept": "text/html"}), status, body)


def test_a_failed_sign_in_goes_to_the_error_url(api_with_error_url: Browser) -> None:
    response = api_with_error_url.get(CALLBACK)
    assert response.headers["Location"].partition("?")[0] == ERROR_URL
    assert query(response.headers["Location"]) == {"error": "Configuration", "reason": "cookies"}
    form = api_with_error_url.post("/api/auth/signin/development", data={"callbackUrl": "/"})
    assert (form.status_code, form.headers["Location"]) == (303, f"{ERROR_URL}?error=MissingCSRF")
    scripted = api_with_error_url.post("/api/auth/signin/development", json={})
    assert _is_json(scripted, 403, {"error": "MissingCSRF", "reason": None})
    authjs = api_with_error_url.post("/api/auth/signin/development", headers={"X-Auth-Return-Redirect": "1"})
    assert authjs.get_json() == {"url": f"{ERROR_URL}?error=MissingCSRF"}


def test_the_error_url_can_be_a_path_of_the_application(make_guest: MakeGuest) -> None:
    app = make_guest(pages=False, GENKAN_ERROR_URL="/failed", AUTH_URL=f"{LOCAL}/shop")
    assert Browser(app).get(CALLBACK).headers["Location"].startswith(f"{LOCAL}/shop/failed?error=Configuration")


def test_an_application_with_pages_can_have_an_error_url(make_guest: MakeGuest) -> None:
    browser = browser_of(make_guest(GENKAN_ERROR_URL=ERROR_URL))
    assert browser.get(CALLBACK).headers["Location"].startswith(f"{ERROR_URL}?error=Configuration")
    assert browser.get("/api/auth/signin").status_code == 200


@pytest.mark.parametrize(
    "url", ["app.shop.example", "//app.shop.example", "/a b", "https://a.example/#/failed", "ftp://a"]
)
def test_an_invalid_error_url_is_refused(make_guest: MakeGuest, url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^GENKAN_ERROR_URL: it "):
        check(make_guest(pages=False, GENKAN_ERROR_URL=url))


def test_errors_of_http_below_the_base_path_are_json(api: Browser) -> None:
    upload = api.post("/api/auth/signin/development", data={"file": (BytesIO(b"x"), "name")})
    assert _is_json(upload, 415, {"error": "Unsupported Media Type"})
    head = api.client.head(CALLBACK, base_url=LOCAL)
    assert (head.status_code, head.mimetype, head.headers["Allow"]) == (405, "application/json", "GET, POST")


def test_a_request_of_another_site_is_json(api: Browser) -> None:
    headers = {"Origin": "https://evil.example"}
    for path in ("/api/auth/signin/development", "/api/auth/signout"):
        assert _is_json(api.submit(path, headers), 403, {"error": "MissingCSRF", "reason": "cross-site"})


def test_sign_in_without_a_provider_is_refused(api: Browser) -> None:
    assert _is_json(fetch(api, "/api/auth/signin"), 400, {"error": "Configuration", "reason": "provider"})


def test_an_outdated_sign_out_of_htmx_is_an_error(api: Browser) -> None:
    api.sign_in()
    response = api.post(
        "/api/auth/signout", headers={**HTMX, "Sec-Fetch-Site": "same-origin"}, data={"csrfToken": "old"}
    )
    assert _is_json(response, 403, {"error": "MissingCSRF", "reason": None})
    assert api.session() is not None


def test_a_bad_setting_is_503_json(make_guest: MakeGuest) -> None:
    client = make_guest(pages=False, AUTH_URL="nonsense").test_client()
    assert _is_json(client.get("/api/auth/session"), 503, {"error": "Service Unavailable"})
    assert _is_json(client.get("/private"), 503, {"error": "Service Unavailable"})


def test_strict_views_are_json(make_guest: MakeGuest) -> None:
    browser = browser_of(make_guest(pages=False, strict=True))
    assert _is_json(browser.get("/", headers={"Accept": "text/html"}), 401, {"error": "Unauthorized"})
    assert browser.post("/order").get_json() == {"error": "Forbidden", "code": "MissingCSRF"}


def test_there_is_no_user_menu(api: Browser) -> None:
    assert "user_menu" not in api.app.jinja_env.globals


@pytest.fixture(name="op")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


def test_a_provider_that_does_not_respond_is_503(make_guest: MakeGuest, op: FaultyProvider) -> None:
    browser = browser_of(make_guest(pages=False, **provider_env(op)))
    op.faults.discovery = "500"
    response = fetch(browser, "/api/auth/signin/oidc")
    assert _is_json(response, 503, {"error": "Configuration", "reason": "unavailable"})
    assert response.headers["Retry-After"] == "5"


def test_other_values_of_pages_are_refused(make_guest: MakeGuest) -> None:
    with pytest.raises(ConfigurationError, match=r"^Genkan\(pages=…\): it is neither Pages nor a boolean\."):
        make_guest(pages="none")


def test_the_line_of_the_documentation_runs(make_guest: MakeGuest) -> None:
    line = 'Genkan(app, pages=False, GENKAN_ERROR_URL="https://app.example.com/sign-in-failed")'
    assert line in (ROOT / "docs/reference/settings.md").read_text()
    app = Flask("shop", root_path=make_guest().root_path)
    exec(line, {"Genkan": Genkan, "app": app})  # noqa: S102 (the line is the one above)
    assert get_state(app).json_only


def test_pages_true_is_the_default(make_guest: MakeGuest) -> None:
    assert browser_of(make_guest(pages=True)).get("/api/auth/signin").mimetype == "text/html"
