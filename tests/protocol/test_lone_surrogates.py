"""Claims with a lone surrogate, such as a JavaScript front end creates by cutting an emoji in two."""

from __future__ import annotations

import json
from hashlib import sha256
from uuid import uuid4

import pytest
from flask import Flask

from tests.browser import HTMX, Browser
from tests.core import SECRET
from tests.routes import routes
from tests.tokens import jwe

SURROGATE = "Ada \ud83c"
COOKIE = "authjs.session-token"
CLAIMS = [
    {"name": SURROGATE},
    {"sub": SURROGATE},
    {"role": SURROGATE},
    {"email": SURROGATE},
    {"picture": f"https://img.example/{SURROGATE}"},
]
PAGES = ("/", "/about", "/dashboard", "/partials/user-menu", "/partials/welcome", "/partials/session", "/health/live")
JSON_PATHS = ("/api/user/profile", "/api/auth/session")


@pytest.fixture(name="clients")
def _clients(app: Flask) -> list[Browser]:
    """Return a client for each claim with a lone surrogate, and one with all of them."""
    all_claims: dict[str, str] = {name: text for claims in CLAIMS for name, text in claims.items()}
    return [_client_with(app, {"sub": "1", "name": "Ada", **claims}) for claims in (*CLAIMS, all_claims)]


def _client_with(app: Flask, claims: dict[str, str]) -> Browser:
    browser = Browser(app)
    now = int(browser.core.clock())
    token = jwe.seal_claims(
        {**claims, "session_start": now, "iat": now, "exp": now + 3600, "jti": str(uuid4())}, SECRET, COOKIE
    )
    browser.client.set_cookie(COOKIE, token, domain="127.0.0.1")
    return browser


def test_every_page_fragment_and_json_response_is_200(clients: list[Browser]) -> None:
    for client in clients:
        for path in PAGES + JSON_PATHS:
            for headers in ({}, HTMX):
                assert client.get(path, headers=headers).status_code == 200, (path, headers)


def test_no_route_fails(clients: list[Browser], app: Flask) -> None:
    client = clients[-1]
    cookie = client.cookie(COOKIE) or ""
    for route in routes(app, "GET", "POST"):
        client.client.set_cookie(COOKIE, cookie, domain="127.0.0.1")
        response = client.client.open(route.path, method=route.method, base_url=client.origin)
        assert response.status_code < 500, route


def test_the_replacement_character_is_shown_instead(clients: list[Browser]) -> None:
    session = clients[-1].session() or {}
    replaced = "Ada \ufffd"
    picture = f"https://img.example/{replaced}"

    assert session["user"] == {"id": replaced, "name": replaced, "email": replaced, "image": picture, "role": replaced}
    assert clients[-1].get("/api/user/profile").get_json() == session["user"]
    assert replaced in clients[-1].get("/dashboard").text


def test_the_session_can_be_updated_and_revoked(clients: list[Browser]) -> None:
    for client in clients:
        body = json.dumps({"csrfToken": client.csrf_token(), "data": {"name": SURROGATE}})
        changed = client.post("/api/auth/session", data=body, content_type="application/json")
        assert changed.status_code == 200
        assert client.session() is not None
        assert client.sign_out().status_code == 303
        assert client.session() is None


def test_a_state_with_a_lone_surrogate_finds_no_flow(app: Flask) -> None:
    """The cookie is named after the hash of the replacement character and holds another flow of the same client."""
    client = Browser(app)
    client.begin_sign_in()
    flow = next(cookie for key, cookie in (client.client._cookies or {}).items() if "flow" in key[2])
    for state in ("\ud800", "\ufffd"):
        digest = sha256("\ufffd".encode()).hexdigest()[:16]
        client.client.set_cookie(f"authjs.flow.{digest}", flow.value, domain="127.0.0.1")
        body = json.dumps({"state": state, "code": "x"})
        response = client.post("/api/auth/callback/development", data=body, content_type="application/json")
        assert response.status_code in (302, 303), state
        assert "reason=expired" in response.headers["Location"]
