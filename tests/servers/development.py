"""Development provider in small Flask applications, with a browser, an OAuth client and a clock."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from flask import Flask
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader
from werkzeug.test import TestResponse

from genkan.crypto.jose import verify
from genkan.dev_provider import CLIENT_ID
from genkan.dev_provider.endpoints import DevelopmentProvider
from genkan.dev_provider.views import create_blueprint
from genkan.errors import AdapterError

URL = "http://127.0.0.1:5000"
ISSUER = f"{URL}/development"
CALLBACK = f"{URL}/api/auth/callback/development"
SECRET = "a secret for tests, long enough for every check"
VERIFIER = "v" * 43
NOON = 1_800_000_000.0

Fields = Mapping[str, str | None]

ROOT = Path(__file__).resolve().parents[2]
BASE = """<!doctype html><title>{% block title %}{% endblock %}</title>
{% block header %}{% endblock %}{% block content %}{% endblock %}"""
"""Layout for the provider's pages. The application's own layout needs the whole application."""


class Clock:
    """Clock that only tests move."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class UsedIds:
    """In-memory replacement for the adapter's `use_once`."""

    def __init__(self) -> None:
        self.used: dict[str, float] = {}
        self.is_down = False

    def __call__(self, token_id: str, expires: float) -> bool:
        if self.is_down:
            raise AdapterError
        is_new = token_id not in self.used
        self.used.setdefault(token_id, expires)
        return is_new


class Form(HTMLParser):
    """Parser for the hidden fields of all forms of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = dict(attrs)
        if tag == "form":
            self.forms.append({})
        if tag == "input" and self.forms:
            self.forms[-1][fields["name"] or ""] = fields.get("value") or ""


class Worker:
    """Process of the application, with a browser and an OAuth client for it."""

    def __init__(self, url: str = URL, clock: Clock | None = None, used_ids: UsedIds | None = None) -> None:
        self.clock = clock or Clock()
        self.used_ids = used_ids or UsedIds()
        self.provider = DevelopmentProvider(url, SECRET, self.used_ids, self.clock)
        self.app = app = Flask("worker")
        app.testing = True
        app.jinja_loader = ChoiceLoader(
            [DictLoader({"genkan/layout.html": BASE}), FileSystemLoader(ROOT / "genkan/web/templates")]
        )
        app.register_blueprint(create_blueprint([self.provider], gated=False))
        app.add_url_rule("/", "index", lambda: "index")
        self.browser: FlaskClient = app.test_client()

    def another(self) -> Worker:
        """Return another process of the same application, with the same used ids."""
        return Worker(self.provider.url, self.clock, self.used_ids)

    def authorize(self, **changes: str | None) -> TestResponse:
        return self.browser.get("/development/authorize", query_string=authorization(**changes))

    def choose(self, choice: str, **typed: str) -> TestResponse:
        return self.answer(self.authorize(), choice=choice, **typed)

    def answer(self, page: TestResponse, **fields: str) -> TestResponse:
        sealed = Form(page.text).forms[0]["request"]
        return self.browser.post("/development/authorize", data={"request": sealed, **fields})

    def code(self, scope: str = "openid email profile offline_access", choice: str = "hana", **changes: str) -> str:
        page = self.authorize(scope=scope, **changes)
        return sent_back(self.answer(page, choice=choice))["code"]

    def token(self, form: Fields, headers: Mapping[str, str] | None = None) -> TestResponse:
        given = {name: value for name, value in form.items() if value is not None}
        headers = basic(self.provider.client_secret) if headers is None else headers
        return self.browser.post("/development/token", data=given, headers=headers)

    def exchange(self, code: str, headers: Mapping[str, str] | None = None, **changes: Any) -> TestResponse:
        form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return self.token({"code": code, **form, **changes}, headers)

    def refresh(self, refresh_token: str, **changes: str) -> TestResponse:
        return self.token({"grant_type": "refresh_token", "refresh_token": refresh_token, **changes})

    def userinfo(self, access_token: str) -> TestResponse:
        return self.browser.get("/development/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def claims(self, id_token: str) -> Mapping[str, Any]:
        keys = self.browser.get("/development/jwks").get_json()["keys"]
        return verify(id_token, keys, ["ES256"])[0]


def authorization(**changes: str | None) -> dict[str, str]:
    parameters: dict[str, str | None] = {
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid email profile",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": challenge(VERIFIER),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**parameters, **changes}.items() if value is not None}


def challenge(verifier: str) -> str:
    """Return the code_challenge of a code_verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def basic(secret: str, client_id: str = CLIENT_ID) -> dict[str, str]:
    joined = f"{client_id}:{secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(joined).decode()}"}


def sent_back(response: TestResponse) -> dict[str, str]:
    """Assert that the response redirects to the client, and return the parameters."""
    assert response.status_code == 303
    target, _, query = response.headers["Location"].partition("?")

    assert target == CALLBACK
    return {name: value for name, (value,) in parse_qs(query, strict_parsing=True).items()}
