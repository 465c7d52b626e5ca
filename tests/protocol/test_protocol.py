"""Auth.js's wire protocol under /api/auth: status, body, headers and cookies of each door."""

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


def keep_cookie(browser: Browser, name: str, value: str) -> None:
    browser.client.set_cookie(name, quote(value, safe=""), domain="127.0.0.1")


def is_json_of_auth_js(answer: TestResponse, status: int = 200) -> bool:
    cached = {name: answer.headers.get(name) for name in NOT_CACHED}
    return (answer.status_code, answer.headers["Content-Type"], cached) == (status, "application/json", NOT_CACHED)


def cookies_set(answer: TestResponse) -> set[str]:
    return {header.partition("=")[0] for header in answer.headers.getlist("Set-Cookie")}


def query(location: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(location).query).items()}


def test_the_session_of_nobody_is_exactly_null_and_sets_no_cookie(browser: Browser) -> None:
    answer = browser.get("/api/auth/session")

    assert is_json_of_auth_js(answer)
    assert answer.data == b"null"
    assert cookies_set(answer) == set()


def test_the_session_of_somebody_is_their_user_and_when_it_ends_to_the_millisecond(browser: Browser) -> None:
    browser.sign_in()
    answer = browser.get("/api/auth/session")

    assert is_json_of_auth_js(answer)
    body = json.loads(answer.data)
    assert list(body) == ["user", "expires"]
    assert set(body["user"]) == {"id", "name", "email", "image", "role"}
    assert (body["user"]["name"], body["expires"]) == ("Hana Example", "2026-12-18T11:06:40.000Z")
    assert cookies_set(answer) == set()  # prolonged once a day, not at every look


def test_a_session_that_cannot_be_read_is_null_and_its_cookie_goes(browser: Browser) -> None:
    keep_cookie(browser, "authjs.session-token", "nonsense")
    answer = browser.get("/api/auth/session")

    assert (answer.status_code, answer.data) == (200, b"null")
    assert answer.headers.getlist("Set-Cookie") == ["authjs.session-token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"]


def test_an_update_answers_with_the_session_and_a_new_cookie(browser: Browser) -> None:
    browser.sign_in()
    body = {"csrfToken": browser.csrf_token(), "data": {"name": "Somebody else"}}
    answer = browser.post("/api/auth/session", json=body)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.get_json() == browser.session()
    assert cookies_set(answer) == {"authjs.session-token"}


def test_an_update_of_nobody_is_null(browser: Browser) -> None:
    answer = browser.post("/api/auth/session", json={"csrfToken": browser.csrf_token(), "data": {}})

    assert (answer.status_code, answer.data, cookies_set(answer)) == (200, b"null", set())


@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_an_update_without_the_token_is_400_null_and_changes_nothing(browser: Browser, token: str | None) -> None:
    browser.sign_in()
    answer = browser.post("/api/auth/session", json={"csrfToken": token, "data": {}})

    assert (answer.status_code, answer.data, cookies_set(answer)) == (400, b"null", set())


def test_the_csrf_token_is_64_hexadecimal_digits_and_stays_while_its_cookie_does(browser: Browser) -> None:
    first, second = browser.get("/api/auth/csrf"), browser.get("/api/auth/csrf")

    assert is_json_of_auth_js(first)
    assert re.fullmatch(rb'\{"csrfToken":"[0-9a-f]{64}"\}', first.data)
    assert first.data == second.data
    assert (cookies_set(first), cookies_set(second)) == ({"authjs.csrf-token"}, set())


def test_a_csrf_cookie_of_an_older_secret_is_replaced(browser: Browser) -> None:
    keep_cookie(browser, "authjs.csrf-token", f"{'0' * 64}|{'1' * 64}")
    answer = browser.get("/api/auth/csrf")

    assert answer.get_json()["csrfToken"] != "0" * 64
    assert cookies_set(answer) == {"authjs.csrf-token"}


def test_providers_are_told_in_order_with_exactly_five_fields_each(make_app: MakeApp) -> None:
    browser = Browser(make_app(AUTH_GITHUB_ID="id", AUTH_GITHUB_SECRET="a github secret"))
    answer = browser.get("/api/auth/providers")

    assert (answer.status_code, answer.headers["Content-Type"], cookies_set(answer)) == (200, "application/json", set())
    assert list(answer.get_json()) == ["github", "development"]
    assert answer.get_json()["github"] == {
        "id": "github",
        "name": "GitHub",
        "type": "oauth",
        "signinUrl": f"{ORIGIN}/api/auth/signin/github",
        "callbackUrl": f"{ORIGIN}/api/auth/callback/github",
    }
    assert list(answer.get_json()["github"]) == ["id", "name", "type", "signinUrl", "callbackUrl"]


def test_no_providers_are_an_empty_object(make_app: MakeApp) -> None:
    browser = Browser(make_app(AUTH_DEVELOPMENT_PROVIDER="off"))

    assert browser.get("/api/auth/providers").data == b"{}"
    assert browser.get("/api/auth/signin").status_code == 200


def test_a_link_cannot_start_a_sign_in(browser: Browser) -> None:
    answer = browser.get(SIGN_IN)

    assert (answer.status_code, answer.headers["Location"]) == (302, f"{ORIGIN}/api/auth/error?error=Configuration")
    assert cookies_set(answer) == set()


def test_signing_in_with_nobody_in_particular_leads_to_the_page_that_offers_everybody(browser: Browser) -> None:
    answer = browser.submit("/api/auth/signin")

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{ORIGIN}/api/auth/signin")


def test_signing_in_leads_to_the_provider_by_303_with_a_flow_to_come_back_with(browser: Browser) -> None:
    answer = browser.submit(SIGN_IN, callbackUrl="/dashboard")
    asked = query(answer.headers["Location"])

    assert answer.status_code == 303
    assert asked["redirect_uri"] == f"{ORIGIN}/api/auth/callback/development"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert all(len(asked[name]) == 43 for name in ("state", "nonce", "code_challenge"))
    names = {re.sub(r"flow\.[0-9a-f]{16}$", "flow.*", name) for name in cookies_set(answer)}
    assert names == {"authjs.callback-url", "authjs.flow.*"}


@pytest.mark.parametrize("as_json", [False, True])
def test_a_client_that_asks_for_the_url_gets_it_as_json_beside_location_and_cookies(
    browser: Browser, as_json: bool
) -> None:
    body = {"csrfToken": browser.csrf_token(), "callbackUrl": f"{ORIGIN}/dashboard"}
    sent: dict[str, Any] = {"json": body} if as_json else {"data": body}
    answer = browser.post(SIGN_IN, headers=JSON_REDIRECT, **sent)

    assert is_json_of_auth_js(answer)
    assert answer.get_json() == {"url": answer.headers["Location"]}
    assert answer.headers["Location"].startswith(f"{ORIGIN}/development/authorize?")
    assert len(cookies_set(answer)) == 2


def test_an_error_for_such_a_client_is_200_and_its_url_tells(browser: Browser) -> None:
    browser.csrf_token()
    answer = browser.post(SIGN_IN, headers=JSON_REDIRECT, json={"csrfToken": "wrong"})

    assert is_json_of_auth_js(answer)
    assert answer.get_json() == {"url": f"{ORIGIN}/api/auth/signin?error=MissingCSRF"}


def test_an_unknown_provider_is_a_configuration_error(browser: Browser) -> None:
    start, finish = browser.submit("/api/auth/signin/nobody"), browser.get("/api/auth/callback/nobody?state=x")
    location = f"{ORIGIN}/api/auth/error?error=Configuration&reason=provider"

    assert [(start.status_code, start.headers["Location"]), (finish.status_code, finish.headers["Location"])] == [
        (303, location), (302, location),
    ]  # fmt: skip


def test_a_callback_without_a_flow_is_a_configuration_error(browser: Browser) -> None:
    asked = query(browser.get("/api/auth/callback/development?code=x&state=y").headers["Location"])

    assert asked == {"error": "Configuration", "reason": "cookies"}


@pytest.mark.parametrize(("first", "second", "passes"), [("wrong", None, True), (None, "wrong", False)])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_of_two_fields_of_one_name_the_last_counts(
    browser: Browser, kind: str, first: str | None, second: str | None, passes: bool
) -> None:
    one, two = first or browser.csrf_token(), second or browser.csrf_token()
    pattern = '{"csrfToken":"%s","csrfToken":"%s"}' if "json" in kind else "csrfToken=%s&csrfToken=%s"
    answer = browser.post("/api/auth/signin", data=pattern % (one, two), content_type=kind)

    assert ("error=MissingCSRF" not in answer.headers["Location"]) is passes


@pytest.mark.parametrize(
    "path", ["/api/auth/session", "/api/auth/signin", SIGN_IN, "/api/auth/signout", "/api/auth/callback/development"]
)
def test_a_body_that_is_no_json_object_is_a_bad_request(browser: Browser, path: str) -> None:
    for body in MALFORMED:
        answer = browser.post(path, data=body, content_type="application/json")

        assert (answer.status_code, answer.data) == (400, b'"Bad request."'), body[:20]
        assert (answer.headers["Content-Type"], cookies_set(answer)) == ("application/json", set())


@pytest.mark.parametrize("path", ["/api/auth/session", "/api/auth/signin", SIGN_IN, "/api/auth/signout"])
def test_a_multipart_body_is_refused_and_text_is_no_body(browser: Browser, path: str) -> None:
    token = browser.csrf_token()
    assert browser.post(path, data={"csrfToken": token}, content_type="multipart/form-data").status_code == 415

    for kind in ("text/plain", None):
        answer = browser.post(path, data=f"csrfToken={token}", content_type=kind)
        assert answer.status_code == 400 or answer.headers["Location"].endswith("/signin?error=MissingCSRF")


def test_the_token_is_not_taken_from_the_query(browser: Browser) -> None:
    answer = browser.post(f"{SIGN_IN}?csrfToken={browser.csrf_token()}")

    assert answer.headers["Location"] == f"{ORIGIN}/api/auth/signin?error=MissingCSRF"


def test_the_way_back_is_asked_for_in_the_body_then_the_query_then_the_cookie(browser: Browser) -> None:
    def landing(path: str, **body: str) -> str:
        keep_cookie(browser, "authjs.callback-url", f"{ORIGIN}/cookie")
        answer = browser.post(path, data={"csrfToken": browser.csrf_token(), **body})
        return answer.headers["Location"].removeprefix(ORIGIN)

    assert landing("/api/auth/signout?callbackUrl=/query", callbackUrl="/body") == "/body"
    assert landing("/api/auth/signout?callbackUrl=/query") == "/query"
    assert landing("/api/auth/signout") == "/cookie"
