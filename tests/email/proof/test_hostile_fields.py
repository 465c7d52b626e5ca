"""Every form of sign-in by mail and by password refuses values that no browser sends. None is an error of the server."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.email.mails import link
from tests.email.proof.site import OTHER, PASSWORD, Site, new_address

ADDRESS = "hana@example.com"

FORMS = {
    "/api/auth/signin/email": ("email", "callbackUrl", "purpose"),
    "/api/auth/callback/email": ("email", "token", "code", "callbackUrl"),
    "/api/auth/callback/credentials": ("email", "password", "callbackUrl", "purpose"),
    "/account/sign-up": ("email", "password", "callbackUrl"),
    "/account/sign-up/confirm": ("email", "token", "password"),
    "/account/reset": ("email",),
    "/account/reset/new": ("password",),
    "/account/password": ("password", "current_password"),
    "/account/address": ("email",),
    "/account/address/confirm": ("token", "user"),
    "/account/address/undo": ("token", "user"),
}
"""Fields of every form."""

PAGES = {
    "/api/auth/callback/email": ("email", "token", "callbackUrl"),
    "/api/auth/verify-request": ("provider", "type", "error", "reason"),
    "/account/sign-up/confirm": ("email", "token"),
    "/account/reset/open": ("token", "user"),
    "/account/address/confirm": ("token", "user"),
    "/account/address/undo": ("token", "user"),
}
"""Fields in the query of every page."""

TEXTS = {
    "nul": "a\0b@example.com",
    "newlines": "a@example.com\r\nBcc: b@example.com\r\n\r\nx",
    "surrogate": "\ud800@example.com",
    "long": "x" * 1_025,
    "wide": "\ufdfa" * 300,
}
"""By kind. U+FDFA is 18 characters after its normalisation."""

VALUES = ("text", None, 1, 1.5, True, ["a"], {"a": "b"}, "\ud800", 2**70)
"""Values of a field in a JSON body."""


@pytest.fixture(scope="module", name="signed_in")
def _signed_in(site: Site) -> Browser:
    """Return a browser of a signed-in user with a password, and with a link for a reset open."""
    browser = site.sign_up(ADDRESS)
    browser.submit("/account/reset", email=ADDRESS)
    browser.get(link(site.mails_to(ADDRESS)[0]))
    return browser


def check(response: TestResponse, what: object) -> None:
    assert response.status_code < 500, what
    location = response.headers.get("Location", "")
    assert "AdapterUnavailable" not in location, what
    assert not {"\r", "\n"} & set(location), what


def send(
    browser: Browser, path: str, body: str | bytes, content_type: str = "application/x-www-form-urlencoded"
) -> TestResponse:
    return browser.post(path, data=body, content_type=content_type)


def test_no_text_in_a_form_is_an_error_of_the_server(signed_in: Browser) -> None:
    token = signed_in.csrf_token()
    for path, names in FORMS.items():
        for kind, text in TEXTS.items():
            for name in names:
                fields = {
                    "email": ADDRESS,
                    "password": OTHER,
                    "token": "a" * 64,
                    "user": "1",
                    "csrfToken": token,
                    name: text,
                }
                response = send(signed_in, path, urlencode(fields, errors="surrogatepass"))
                check(response, (path, name, kind))


def test_no_value_in_json_is_an_error_of_the_server(signed_in: Browser) -> None:
    token = signed_in.csrf_token()
    for path, names in FORMS.items():
        for value in VALUES:
            fields = {"csrfToken": token, **dict.fromkeys(names, value)}
            check(send(signed_in, path, json.dumps(fields), "application/json"), (path, value))
        for name in names:
            fields = {"email": ADDRESS, "password": OTHER, "token": "a" * 64, "csrfToken": token, name: ["a"]}
            check(send(signed_in, path, json.dumps(fields), "application/json"), (path, name))


def test_no_text_in_a_url_is_an_error_of_the_server(signed_in: Browser) -> None:
    for path, names in PAGES.items():
        for kind, text in TEXTS.items():
            for name in names:
                fields = {"email": ADDRESS, "token": "a" * 64, "user": "1", name: text}
                for browser in (signed_in, Browser(signed_in.app)):
                    check(browser.get(f"{path}?{urlencode(fields, errors='surrogatepass')}"), (path, name, kind))


def test_no_repeated_field_is_an_error_of_the_server(signed_in: Browser) -> None:
    token = signed_in.csrf_token()
    for path, names in FORMS.items():
        pairs = [
            ("csrfToken", token),
            *((name, value) for name in names for value in ("a@example.com", "b@example.com")),
        ]
        check(send(signed_in, path, urlencode(pairs)), path)


def test_no_cookie_is_an_error_of_the_server(signed_in: Browser) -> None:
    names = signed_in.core.cookie_names
    for value in ("|", "a|b|c", "\xff\xfe", "x" * 4_000, '"\\000|\\000"', '"1\\000|\\000"', "%00|%00"):
        for name in (names.email, names.reset, names.known):
            client = Browser(signed_in.app)
            token = client.csrf_token()
            client.client.set_cookie(name, value, domain="127.0.0.1")
            for path in ("/account/reset/new", "/api/auth/verify-request", "/api/auth/signin"):
                check(client.get(path), (path, name, value))
            for path in ("/account/reset/new", "/api/auth/callback/email", "/api/auth/callback/credentials"):
                fields = {"csrfToken": token, "password": PASSWORD, "email": ADDRESS, "code": "123456"}
                check(client.post(path, data=fields), (path, name, value))


def test_a_body_of_ten_megabytes_is_refused_unread(signed_in: Browser) -> None:
    token = signed_in.csrf_token()
    big = "x" * 10_000_000
    for path in FORMS:
        assert send(signed_in, path, f"csrfToken={token}&password={big}").status_code == 413, path
        assert (
            send(signed_in, path, json.dumps({"csrfToken": token, "password": big}), "application/json").status_code
            == 413
        )


@pytest.mark.parametrize("password", ["x" * 1_025, "\u00e9" * 513, "\ufdfa" * 60])
def test_a_password_that_cannot_be_hashed_is_refused(site: Site, password: str) -> None:
    email = new_address()
    browser = site.sign_up(email)
    browser.submit("/account/reset", email=email)
    browser.get(link(site.mails_to(email)[0]))
    body = urlencode({"csrfToken": browser.csrf_token(), "email": new_address(), "password": password})
    assert send(browser, "/account/sign-up", body).status_code == 422
    assert send(browser, "/account/reset/new", body).status_code == 422
    assert send(browser, "/account/password", f"{body}&current_password={PASSWORD}").status_code == 422
    assert send(browser, "/api/auth/callback/credentials", body).status_code == 401
