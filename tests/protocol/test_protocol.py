"""Auth.js's wire protocol under /api/auth: status, body, headers and cookies of each action."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.conftest import ORIGIN, MakeApp

NOT_CACHED = {"Cache-Control": "private, no-cache, no-store", "Expires": "0", "Pragma": "no-cache"}
JSON_REDIRECT = {"X-Auth-Return-Redirect": "1"}
SIGN_IN = "/api/auth/signin/development"
MALFORMED = [
    b"", b"{", b"null", b"[]", b'"x"', b"1", b"{'a': 1}", b'{"a": NaN}', b'{"a": Infinity}', b"\xff\xfe", b'{"a": "\xff"}',
    b'{"a": ' + b"9" * 5000 + b"}", b'{"a":' * 1 + b"[" * 20_000 + b"]" * 20_000 + b"}", b'{"csrfToken": "x"} trailing',
]  # fmt: skip


def set_cookie(browser: Browser, name: str, value: str) -> None:
    browser.client.set_cookie(name, quote(value, safe=""), domain="127.0.0.1")


def is_authjs_json(response: TestResponse, status: int = 200) -> bool:
    cached = {name: response.headers.get(name) for name in NOT_CACHED}
    return (response.status_code, response.headers["Content-Type"], cached) == (status, "application/json", NOT_CACHED)


def cookies_set(response: TestResponse) -> set[str]:
    return {header.partition("=")[0] for header in response.headers.getlist("Set-Cookie")}


def query(location: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(location).query).items()}


def test_the_session_is_exactly_null_without_one_and_sets_no_cookie(browser: Browser) -> None:
    response = browser.get("/api/auth/session")

    assert is_authjs_json(response)
    assert response.data == b"null"
    assert cookies_set(response) == set()


def test_the_session_has_the_user_and_the_expiry_with_milliseconds(browser: Browser) -> None:
    browser.sign_in()
    response = browser.get("/api/auth/session")

    assert is_authjs_json(response)
    body = json.loads(response.data)
    assert list(body) == ["user", "expires"]
    assert set(body["user"]) == {"id", "name", "email", "image", "role"}
    assert (body["user"]["name"], body["expires"]) == ("Hana Example", "2026-12-18T11:06:40.000Z")
    assert cookies_set(response) == set()  # extended once a day, not on every request


def test_a_session_cookie_that_does_not_open_gives_null_and_stays(browser: Browser) -> None:
    set_cookie(browser, "authjs.session-token", "nonsense")
    response = browser.get("/api/auth/session")

    assert (response.status_code, response.data) == (200, b"null")
    assert response.headers.getlist("Set-Cookie") == []


def test_an_update_returns_the_session_and_a_new_cookie(browser: Browser) -> None:
    browser.sign_in()
    body = {"csrfToken": browser.csrf_token(), "data": {"name": "Another Name"}}
    response = browser.post("/api/auth/session", json=body)

    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert response.get_json() == browser.session()
    assert cookies_set(response) == {"authjs.session-token"}


def test_an_update_without_a_session_is_null(browser: Browser) -> None:
    response = browser.post("/api/auth/session", json={"csrfToken": browser.csrf_token(), "data": {}})

    assert (response.status_code, response.data, cookies_set(response)) == (200, b"null", set())


@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_an_update_without_a_valid_csrf_token_is_400_null_and_changes_nothing(
    browser: Browser, token: str | None
) -> None:
    browser.sign_in()
    response = browser.post("/api/auth/session", json={"csrfToken": token, "data": {}})

    assert (response.status_code, response.data, cookies_set(response)) == (400, b"null", set())


def test_the_csrf_token_has_64_hexadecimal_digits_and_lasts_as_long_as_its_cookie(browser: Browser) -> None:
    first, second = browser.get("/api/auth/csrf"), browser.get("/api/auth/csrf")

    assert is_authjs_json(first)
    assert re.fullmatch(rb'\{"csrfToken":"[0-9a-f]{64}"\}', first.data)
    assert first.data == second.data
    assert (cookies_set(first), cookies_set(second)) == ({"authjs.csrf-token"}, set())


def test_a_csrf_cookie_of_an_older_secret_is_replaced(browser: Browser) -> None:
    set_cookie(browser, "authjs.csrf-token", f"{'0' * 64}|{'1' * 64}")
    response = browser.get("/api/auth/csrf")

    assert response.get_json()["csrfToken"] != "0" * 64
    assert cookies_set(response) == {"authjs.csrf-token"}


def test_providers_are_listed_in_order_with_exactly_five_fields_each(make_app: MakeApp) -> None:
    """Mail and passwords come last, as providers of their own types."""
    browser = Browser(make_app(AUTH_GITHUB_ID="id", AUTH_GITHUB_SECRET="a github secret", AUTH_PASSWORDS="on"))
    response = browser.get("/api/auth/providers")

    assert (response.status_code, response.headers["Content-Type"], cookies_set(response)) == (
        200,
        "application/json",
        set(),
    )
    assert list(response.get_json()) == ["github", "development", "email", "credentials"]
    for id, name, kind in (
        ("github", "GitHub", "oauth"),
        ("email", "E-mail", "email"),
        ("credentials", "Password", "credentials"),
    ):
        urls = {"signinUrl": f"{ORIGIN}/api/auth/signin/{id}", "callbackUrl": f"{ORIGIN}/api/auth/callback/{id}"}
        assert response.get_json()[id] == {"id": id, "name": name, "type": kind, **urls}
        assert list(response.get_json()[id]) == ["id", "name", "type", "signinUrl", "callbackUrl"]


def test_without_providers_the_list_is_an_empty_object(make_app: MakeApp) -> None:
    browser = Browser(make_app(AUTH_DEVELOPMENT_PROVIDER="off"))

    assert browser.get("/api/auth/providers").data == b"{}"
    assert browser.get("/api/auth/signin").status_code == 200


def test_a_get_request_cannot_start_a_sign_in(browser: Browser) -> None:
    response = browser.get(SIGN_IN)

    assert (response.status_code, response.headers["Location"]) == (302, f"{ORIGIN}/api/auth/error?error=Configuration")
    assert cookies_set(response) == set()


def test_a_sign_in_without_a_provider_redirects_to_the_sign_in_page(browser: Browser) -> None:
    response = browser.submit("/api/auth/signin")

    assert (response.status_code, response.headers["Location"]) == (303, f"{ORIGIN}/api/auth/signin")


def test_a_sign_in_redirects_to_the_provider_by_303_and_sets_a_flow_cookie(browser: Browser) -> None:
    response = browser.submit(SIGN_IN, callbackUrl="/dashboard")
    params = query(response.headers["Location"])

    assert response.status_code == 303
    assert params["redirect_uri"] == f"{ORIGIN}/api/auth/callback/development"
    assert (params["response_type"], params["code_challenge_method"]) == ("code", "S256")
    assert all(len(params[name]) == 43 for name in ("state", "nonce", "code_challenge"))
    names = {re.sub(r"flow\.[0-9a-f]{16}$", "flow.*", name) for name in cookies_set(response)}
    assert names == {"authjs.callback-url", "authjs.flow.*"}


@pytest.mark.parametrize("as_json", [False, True])
def test_a_client_that_asks_for_json_gets_the_url_besides_location_and_cookies(browser: Browser, as_json: bool) -> None:
    body = {"csrfToken": browser.csrf_token(), "callbackUrl": f"{ORIGIN}/dashboard"}
    sent: dict[str, Any] = {"json": body} if as_json else {"data": body}
    response = browser.post(SIGN_IN, headers=JSON_REDIRECT, **sent)

    assert is_authjs_json(response)
    assert response.get_json() == {"url": response.headers["Location"]}
    assert response.headers["Location"].startswith(f"{ORIGIN}/development/authorize?")
    assert len(cookies_set(response)) == 2


def test_an_error_for_a_json_client_is_200_with_the_error_in_the_url(browser: Browser) -> None:
    browser.csrf_token()
    response = browser.post(SIGN_IN, headers=JSON_REDIRECT, json={"csrfToken": "wrong"})

    assert is_authjs_json(response)
    assert response.get_json() == {"url": f"{ORIGIN}/api/auth/signin?error=MissingCSRF"}


def test_an_unknown_provider_is_a_configuration_error(browser: Browser) -> None:
    start, finish = browser.submit("/api/auth/signin/nobody"), browser.get("/api/auth/callback/nobody?state=x")
    location = f"{ORIGIN}/api/auth/error?error=Configuration&reason=provider"

    assert [(start.status_code, start.headers["Location"]), (finish.status_code, finish.headers["Location"])] == [
        (303, location), (302, location),
    ]  # fmt: skip


def test_a_callback_without_a_flow_is_a_configuration_error(browser: Browser) -> None:
    params = query(browser.get("/api/auth/callback/development?code=x&state=y").headers["Location"])

    assert params == {"error": "Configuration", "reason": "cookies"}


@pytest.mark.parametrize(("first", "second", "passes"), [("wrong", None, True), (None, "wrong", False)])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_the_last_of_two_fields_with_the_same_name_counts(
    browser: Browser, kind: str, first: str | None, second: str | None, passes: bool
) -> None:
    one, two = first or browser.csrf_token(), second or browser.csrf_token()
    pattern = '{"csrfToken":"%s","csrfToken":"%s"}' if "json" in kind else "csrfToken=%s&csrfToken=%s"
    response = browser.post("/api/auth/signin", data=pattern % (one, two), content_type=kind)

    assert ("error=MissingCSRF" not in response.headers["Location"]) is passes


@pytest.mark.parametrize(
    "path", ["/api/auth/session", "/api/auth/signin", SIGN_IN, "/api/auth/signout", "/api/auth/callback/development"]
)
def test_a_body_that_is_not_a_json_object_is_a_bad_request(browser: Browser, path: str) -> None:
    for body in MALFORMED:
        response = browser.post(path, data=body, content_type="application/json")

        assert (response.status_code, response.data) == (400, b'"Bad request."'), body[:20]
        assert (response.headers["Content-Type"], cookies_set(response)) == ("application/json", set())


@pytest.mark.parametrize("path", ["/api/auth/session", "/api/auth/signin", SIGN_IN, "/api/auth/signout"])
def test_a_multipart_body_is_refused_and_a_text_body_is_ignored(browser: Browser, path: str) -> None:
    token = browser.csrf_token()
    assert browser.post(path, data={"csrfToken": token}, content_type="multipart/form-data").status_code == 415

    for kind in ("text/plain", None):
        response = browser.post(path, data=f"csrfToken={token}", content_type=kind)
        assert response.status_code == 400 or response.headers["Location"].endswith("/signin?error=MissingCSRF")


def test_the_csrf_token_is_not_read_from_the_query(browser: Browser) -> None:
    response = browser.post(f"{SIGN_IN}?csrfToken={browser.csrf_token()}")

    assert response.headers["Location"] == f"{ORIGIN}/api/auth/signin?error=MissingCSRF"


def test_the_callback_url_is_read_from_body_then_query_then_cookie(browser: Browser) -> None:
    def redirect_path(path: str, **body: str) -> str:
        set_cookie(browser, "authjs.callback-url", f"{ORIGIN}/cookie")
        response = browser.post(path, data={"csrfToken": browser.csrf_token(), **body})
        return response.headers["Location"].removeprefix(ORIGIN)

    assert redirect_path("/api/auth/signout?callbackUrl=/query", callbackUrl="/body") == "/body"
    assert redirect_path("/api/auth/signout?callbackUrl=/query") == "/query"
    assert redirect_path("/api/auth/signout") == "/cookie"
