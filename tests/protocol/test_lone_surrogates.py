"""A Next.js front end's JavaScript may cut an emoji in two and seal the half; no page here trips over it."""

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

HALF = "Ada \ud83c"
COOKIE = "authjs.session-token"
TALES = [{"name": HALF}, {"sub": HALF}, {"role": HALF}, {"email": HALF}, {"picture": f"https://img.example/{HALF}"}]
ROOMS = ("/", "/about", "/dashboard", "/partials/user-menu", "/partials/welcome", "/partials/session", "/health/live")
PROGRAMS = ("/api/user/profile", "/api/auth/session")


@pytest.fixture(name="guests")
def _guests(app: Flask) -> list[Browser]:
    """Each with half an emoji in another claim, and one with it in all."""
    whole: dict[str, str] = {name: text for tale in TALES for name, text in tale.items()}
    return [_signed_in_client(app, {"sub": "1", "name": "Ada", **tale}) for tale in (*TALES, whole)]


def _signed_in_client(app: Flask, claims: dict[str, str]) -> Browser:
    browser = Browser(app)
    now = int(browser.options.clock())
    token = jwe.seal_claims(
        {**claims, "auth_time": now, "iat": now, "exp": now + 3600, "jti": str(uuid4())}, SECRET, COOKIE
    )
    browser.client.set_cookie(COOKIE, token, domain="127.0.0.1")
    return browser


def test_every_page_fragment_and_answer_is_there(guests: list[Browser]) -> None:
    for signed_in_client in guests:
        for path in ROOMS + PROGRAMS:
            for headers in ({}, HTMX):
                assert signed_in_client.get(path, headers=headers).status_code == 200, (path, headers)


def test_no_other_address_trips_over_it_either(guests: list[Browser], app: Flask) -> None:
    everything = guests[-1]
    kept = everything.cookie(COOKIE) or ""
    for route in routes(app, "GET", "POST"):
        everything.client.set_cookie(COOKIE, kept, domain="127.0.0.1")
        answer = everything.client.open(route.path, method=route.method, base_url=everything.origin)
        assert answer.status_code < 500, route


def test_the_replacement_character_is_shown_in_its_place(guests: list[Browser]) -> None:
    told = guests[-1].session() or {}
    half = "Ada \ufffd"
    picture = f"https://img.example/{half}"

    assert told["user"] == {"id": half, "name": half, "email": half, "image": picture, "role": half}
    assert guests[-1].get("/api/user/profile").get_json() == told["user"]
    assert half in guests[-1].get("/dashboard").text


def test_they_can_change_and_end_their_session(guests: list[Browser]) -> None:
    for signed_in_client in guests:
        body = json.dumps({"csrfToken": signed_in_client.csrf_token(), "data": {"name": HALF}})
        changed = signed_in_client.post("/api/auth/session", data=body, content_type="application/json")
        assert changed.status_code == 200
        assert signed_in_client.session() is not None
        assert signed_in_client.sign_out().status_code == 303
        assert signed_in_client.session() is None


def test_half_an_emoji_for_a_state_is_no_flow(app: Flask) -> None:
    """A cookie under the name that the state has when it is read, with a flow of their own in it."""
    client = Browser(app)
    client.begin_sign_in()
    flow = next(cookie for key, cookie in (client.client._cookies or {}).items() if "flow" in key[2])
    for state in ("\ud800", "\ufffd"):
        digest = sha256("\ufffd".encode()).hexdigest()[:16]
        client.client.set_cookie(f"authjs.flow.{digest}", flow.value, domain="127.0.0.1")
        body = json.dumps({"state": state, "code": "x"})
        answer = client.post("/api/auth/callback/development", data=body, content_type="application/json")
        assert answer.status_code in (302, 303), state
        assert "reason=expired" in answer.headers["Location"]
