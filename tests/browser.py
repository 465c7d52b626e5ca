"""A browser without a screen, on Flask's test client: keeps cookies, fills in forms, signs in through the front door."""

from __future__ import annotations

import html
import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1:5000/dashboard"}


class BufferedClient(FlaskClient):
    """Reads every body at once and closes what it was read from."""

    def open(self, *args: Any, buffered: bool = True, **request: Any) -> TestResponse:
        """Send a request."""
        return super().open(*args, buffered=buffered, **request)


class Browser:
    """One person's browser; two of them share nothing."""

    def __init__(self, app: Flask, origin: str | None = None) -> None:
        self.app = app
        self.options = app.extensions["genkan"].core
        self.origin = origin or self.options.origin
        self.client = app.test_client()

    def get(self, path: str, **request: Any) -> TestResponse:
        """GET a path, or an absolute URL of ours; redirects are not followed."""
        return self.client.get(path.removeprefix(self.origin), base_url=self.origin, **request)

    def post(self, path: str, **request: Any) -> TestResponse:
        """POST, exactly what is given."""
        return self.client.post(path.removeprefix(self.origin), base_url=self.origin, **request)

    def csrf_token(self) -> str:
        """The token of this browser's pair."""
        return str(self.get("/api/auth/csrf").get_json()["csrfToken"])

    def submit(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
        """POST a form of ours: with the CSRF token."""
        return self.post(path, data={"csrfToken": self.csrf_token(), **fields}, headers=headers)

    def session(self) -> dict[str, Any] | None:
        """What `GET /api/auth/session` says."""
        answer = self.get("/api/auth/session").get_json()
        assert answer is None or isinstance(answer, dict)
        return answer

    def cookie(self, name: str) -> str | None:
        """The value this browser keeps under a name."""
        kept = self.client.get_cookie(name, domain=self.origin.split("//")[1].split(":")[0])
        return None if kept is None else kept.value

    def begin_sign_in(self, callback_url: str = "/dashboard", provider: str = "development") -> TestResponse:
        """Press the provider's button; the answer leads to the provider."""
        return self.submit(f"/api/auth/signin/{provider}", callbackUrl=callback_url)

    def choose(self, location: str, name: str = "Hana Example") -> str:
        """At the development provider, pick somebody; where the provider sends us back to."""
        page = self.get(location).get_data(as_text=True)
        for form in re.findall(r"<form.*?</form>", page, re.DOTALL):
            if name in form:
                fields = dict(re.findall(r'name="([^"]+)"[^>]*?value="([^"]*)"', form))
                data = {key: html.unescape(value) for key, value in fields.items()}
                return str(self.post("/development/authorize", data=data).headers["Location"])
        raise AssertionError(f"the provider does not offer {name!r}")

    def sign_in(self, name: str = "Hana Example", callback_url: str = "/dashboard") -> TestResponse:
        """All the way: button, provider, callback. The answer is the redirect that ends it."""
        return self.get(self.choose(self.begin_sign_in(callback_url).headers["Location"], name))

    def sign_out(self, **request: Any) -> TestResponse:
        """Press "Sign out"."""
        return self.submit("/api/auth/signout", **request)
