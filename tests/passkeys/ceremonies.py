"""Steps of a browser that adds a passkey and signs in with it."""

from __future__ import annotations

import base64
import json
from typing import Any

from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.passkeys.authenticator import Authenticator

OPTIONS = "/api/auth/webauthn-options/passkey"
CALLBACK = "/api/auth/callback/passkey"

Json = dict[str, Any]


def options(browser: Browser, action: str = "authenticate", **query: str) -> Json:
    """Return the options of the application for this action."""
    response = browser.get(OPTIONS, query_string={"action": action, **query})
    assert response.status_code == 200, response.get_data(as_text=True)
    body = response.get_json()
    assert body["action"] == action
    found: Json = body["options"]
    return found


def send(browser: Browser, action: str, credential: Json, **fields: str) -> TestResponse:
    """Send the credential as a client of Auth.js does."""
    headers = {"X-Auth-Return-Redirect": "1"}
    return browser.submit(
        CALLBACK, headers, action=action, data=json.dumps(credential), callbackUrl="/dashboard", **fields
    )


def add_passkey(browser: Browser, **properties: Any) -> Authenticator:
    """Add a passkey to the user who is signed in, and return its authenticator."""
    authenticator = Authenticator(browser.origin, **properties)
    response = send(browser, "register", authenticator.create(options(browser, "register")))
    assert url_of(response) == f"{browser.origin}/dashboard"
    return authenticator


def sign_in(browser: Browser, authenticator: Authenticator, *, fresh: bool = False, **changes: Any) -> TestResponse:
    """Sign in with the passkey. `changes` replace parts of the credential."""
    fields = {"purpose": "fresh"} if fresh else {}
    return send(browser, "authenticate", authenticator.get(options(browser, **fields), **changes), **fields)


def stored_id(id: bytes) -> str:
    """Return the id of a passkey as it is stored."""
    return base64.b64encode(id).decode()


def url_of(response: TestResponse) -> str:
    """Return the URL of the response to a client of Auth.js."""
    assert response.status_code == 200, response.get_data(as_text=True)
    return str(response.get_json()["url"])


def error_of(response: TestResponse) -> str | None:
    """Return the error in the URL of the response. None if it succeeded."""
    _, _, error = url_of(response).partition("error=")
    return error.partition("&")[0] or None
