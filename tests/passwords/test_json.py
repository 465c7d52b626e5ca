"""The pages for mail and passwords as JSON, for a front end of its own."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.conftest import ORIGIN, MakeApp
from tests.email.mails import code, link, mails

ADDRESS = "hana@example.com"
PASSWORD = "three green lanterns at noon"
OTHER = "seven quiet rivers under snow"
PATHS = ("/sign-up", "/reset", "/reset/new", "/password", "/address")


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_PASSWORDS="on")


def send(browser: Browser, path: str, **fields: str) -> TestResponse:
    """Send JSON with the CSRF token in the header."""
    return browser.post(f"/account{path}", json=fields, headers={"X-CSRF-Token": browser.csrf_token()})


def answer(response: TestResponse) -> tuple[int, Any]:
    """Return status and JSON of a response that is no page."""
    assert response.content_type == "application/json"
    return response.status_code, response.get_json()


def sign_up(browser: Browser, app: Flask) -> None:
    """Sign up, and confirm the address with the code."""
    url = f"{ORIGIN}/api/auth/verify-request?provider=email&type=email"
    assert answer(send(browser, "/sign-up", email=ADDRESS, password=PASSWORD)) == (200, {"url": url})
    fields = {"code": code(mails(app)[0]), "csrfToken": browser.csrf_token()}
    confirmed = browser.post("/api/auth/callback/email", json=fields, headers={"X-Auth-Return-Redirect": "1"})
    assert answer(confirmed) == (200, {"url": f"{ORIGIN}/"})
    assert browser.session() is not None


def test_a_user_signs_up_and_changes_password_and_address(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    changed = send(browser, "/password", current_password=PASSWORD, password=OTHER)
    assert answer(changed) == (200, {"url": f"{ORIGIN}/account?notice=password-changed"})
    assert browser.session() is not None
    assert answer(send(browser, "/address", email="new@example.com")) == (200, {"sent": True})
    assert "new@example.com" in {mail.to for mail in mails(app)}


def test_a_password_is_reset(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    for email in (ADDRESS, "unknown@example.com"):
        assert answer(send(browser, "/reset", email=email)) == (200, {"sent": True})
    browser.get(link(mails(app)[0]))
    refused = answer(send(browser, "/reset/new", password="short"))
    assert (refused[0], refused[1]["reason"]) == (422, "too-short")
    done = answer(send(browser, "/reset/new", password=OTHER))
    assert done == (200, {"url": f"{ORIGIN}/api/auth/signin?notice=password-changed"})
    again = answer(send(browser, "/reset/new", password=PASSWORD))
    assert (again[0], again[1]["error"]) == (403, "Verification")


def test_a_refusal_says_what_is_wrong(browser: Browser, app: Flask) -> None:
    status, body = answer(send(browser, "/sign-up", email=ADDRESS, password="short"))
    assert (status, body["reason"]) == (422, "too-short")
    assert body["message"]
    for path in ("/sign-up", "/reset"):
        status, body = answer(send(browser, path, email="hana@@example.com", password=PASSWORD))
        assert (status, body["error"], body["reason"]) == (422, "EmailSignin", "address")
        assert body["message"].startswith("Please check it")
    sign_up(browser, app)
    status, body = answer(send(browser, "/password", current_password=OTHER, password=OTHER))
    assert (status, body["error"], body["reason"]) == (422, "CredentialsSignin", None)


def test_a_form_is_answered_with_json_if_nothing_else_is_accepted(browser: Browser) -> None:
    headers = {"Accept": "application/json"}
    accepted = browser.submit("/account/sign-up", headers, email=ADDRESS, password=PASSWORD)
    assert answer(accepted)[1] == {"url": f"{ORIGIN}/api/auth/verify-request?provider=email&type=email"}
    assert answer(browser.submit("/account/reset", headers, email="x"))[0] == 422
    wrong = browser.submit("/api/auth/callback/credentials", headers, email=ADDRESS, password=OTHER)
    status, body = answer(wrong)
    assert (status, body["error"]) == (401, "CredentialsSignin")


@pytest.mark.parametrize("path", PATHS)
def test_the_csrf_token_is_needed(browser: Browser, path: str) -> None:
    response = browser.post(f"/account{path}", json={"email": ADDRESS, "password": PASSWORD})
    assert answer(response) == (403, {"error": "Forbidden", "code": "MissingCSRF"})


def test_the_csrf_token_may_be_in_the_body(browser: Browser) -> None:
    fields = {"email": ADDRESS, "csrfToken": browser.csrf_token()}
    assert answer(browser.post("/account/reset", json=fields)) == (200, {"sent": True})


@pytest.mark.parametrize("path", ["/password", "/address"])
def test_a_session_is_needed(browser: Browser, path: str) -> None:
    assert answer(send(browser, path, email=ADDRESS, password=PASSWORD)) == (401, {"error": "Unauthorized"})
