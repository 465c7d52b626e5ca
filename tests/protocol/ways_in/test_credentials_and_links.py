"""Answers to every request for the providers `credentials` and `email`, as Auth.js gives them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from tests.browser import Browser
from tests.conftest import ORIGIN, MakeApp
from tests.email.mails import link, mails

BASE = f"{ORIGIN}/api/auth"
ADDRESS = "hana@example.com"
CLIENT = {"X-Auth-Return-Redirect": "1"}
WRONG = {"email": ADDRESS, "password": "seven quiet rivers under snow"}


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_PASSWORDS="on")


def test_a_get_of_the_credentials_callback_is_an_error(browser: Browser) -> None:
    location = browser.get("/api/auth/callback/credentials").headers["Location"]
    assert location.startswith(f"{BASE}/error?error=Configuration")


def test_the_sign_in_of_credentials_is_the_page(browser: Browser) -> None:
    response = browser.submit("/api/auth/signin/credentials", CLIENT, **WRONG)
    assert (response.status_code, response.get_json()) == (200, {"url": f"{BASE}/signin"})


@pytest.mark.parametrize("path", ["callback/credentials", "signin/credentials", "signin/email"])
def test_without_a_csrf_token_the_error_says_so(browser: Browser, app: Flask, path: str) -> None:
    for body in ({"data": WRONG}, {"json": WRONG}, {"data": {**WRONG, "csrfToken": "0" * 64}}):
        request: dict[str, Any] = {**body, "headers": CLIENT}
        response = browser.post(f"/api/auth/{path}", **request)
        assert (response.status_code, response.get_json()) == (200, {"url": f"{BASE}/signin?error=MissingCSRF"})
    assert mails(app) == []


def test_json_is_accepted_like_a_form(browser: Browser, app: Flask) -> None:
    body = {**WRONG, "csrfToken": browser.csrf_token()}
    failed = browser.post("/api/auth/callback/credentials", json=body, headers=CLIENT)
    assert failed.get_json() == {"url": f"{BASE}/signin?error=CredentialsSignin&code=credentials"}
    assert browser.post("/api/auth/callback/credentials", json=body).headers["Location"] == failed.get_json()["url"]
    asked = browser.post("/api/auth/signin/email", json=body, headers=CLIENT)
    assert asked.get_json() == {"url": f"{BASE}/verify-request?provider=email&type=email"}
    assert asked.headers["Location"] == asked.get_json()["url"]
    assert [mail.to for mail in mails(app)] == [ADDRESS]


@pytest.mark.parametrize("value", [7, None, ["x"], {"a": "b"}])
def test_fields_that_are_no_text_are_refused(browser: Browser, value: object) -> None:
    body = {"email": value, "password": value, "csrfToken": browser.csrf_token()}
    failed = browser.post("/api/auth/callback/credentials", json=body, headers=CLIENT)
    assert "error=CredentialsSignin" in failed.get_json()["url"]
    asked = browser.post("/api/auth/signin/email", json=body, headers=CLIENT)
    assert "error=EmailSignin" in asked.get_json()["url"]


def test_a_link_is_unharmed_by_head_and_by_what_is_missing(browser: Browser, app: Flask) -> None:
    browser.submit("/api/auth/signin/email", email=ADDRESS, callbackUrl="/dashboard")
    url = link(mails(app)[0])
    path = url.removeprefix(ORIGIN)
    assert browser.client.head(path, base_url=ORIGIN).status_code == 405
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    for name in ("token", "email"):
        for value in ({}, {name: ""}):
            incomplete = {**{key: query[key] for key in query if key != name}, **value}
            location = browser.get("/api/auth/callback/email", query_string=incomplete).headers["Location"]
            assert location == f"{BASE}/error?error=Configuration"
    for changed in ({"token": "0" * 64}, {"email": "other@example.com"}, {"email": "no address"}):
        location = browser.get("/api/auth/callback/email", query_string={**query, **changed}).headers["Location"]
        assert location == f"{BASE}/error?error=Verification"
    assert browser.session() is None
    assert browser.get(url).headers["Location"] == f"{ORIGIN}/dashboard"


def test_a_post_to_a_link_needs_the_csrf_token(browser: Browser, app: Flask) -> None:
    browser.submit("/api/auth/signin/email", email=ADDRESS)
    query = parse_qs(urlsplit(link(mails(app)[0])).query)
    fields = {"token": query["token"][0], "email": ADDRESS}
    assert "error=MissingCSRF" in browser.post("/api/auth/callback/email", data=fields).headers["Location"]
    assert browser.session() is None


def test_another_site_cannot_sign_a_user_in(browser: Browser) -> None:
    headers = {"Origin": "https://evil.example", **CLIENT}
    for path in ("callback/credentials", "callback/email", "signin/email"):
        assert browser.submit(f"/api/auth/{path}", headers, **WRONG).status_code == 403
