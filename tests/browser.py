"""Flask's test client with the steps of a browser: cookies, forms, signing in and out."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1:5000/dashboard"}


class BufferedClient(FlaskClient):
    """Test client that reads and closes every response at once."""

    def open(self, *args: Any, buffered: bool = True, **request: Any) -> TestResponse:
        """Send a request and return the buffered response."""
        return super().open(*args, buffered=buffered, **request)


class ThreadedClient(BufferedClient):
    """Test client that sends each request in a thread of its own, as a server does.

    asgiref runs no async view in a thread that has an event loop, which Playwright leaves in that of the tests.
    """

    def open(self, *args: Any, **request: Any) -> TestResponse:
        """Send a request and return the buffered response."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(super().open, *args, **request).result()


THIS_COMPUTER = {"REMOTE_ADDR": "127.0.0.1"}
"""The only client that the development provider serves."""


class Browser:
    """Browser of one user. Two browsers share no cookies."""

    def __init__(self, app: Flask, origin: str | None = None) -> None:
        self.app = app
        self.core = app.extensions["genkan"].core
        self.origin = origin or self.core.origin
        self.client = app.test_client()

    def get(self, path: str, **request: Any) -> TestResponse:
        """Send GET to a path or an absolute URL of the application. Redirects are not followed."""
        return self.client.get(path.removeprefix(self.origin), base_url=self.origin, **request)

    def post(self, path: str, **request: Any) -> TestResponse:
        """Send POST without a CSRF token. Redirects are not followed."""
        return self.client.post(path.removeprefix(self.origin), base_url=self.origin, **request)

    def csrf_token(self) -> str:
        """Return the CSRF token of this browser."""
        return str(self.get("/api/auth/csrf").get_json()["csrfToken"])

    def submit(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
        """Submit a form with the CSRF token."""
        return self.post(path, data={"csrfToken": self.csrf_token(), **fields}, headers=headers)

    def session(self) -> dict[str, Any] | None:
        """Return the JSON of `GET /api/auth/session`."""
        session = self.get("/api/auth/session").get_json()
        assert session is None or isinstance(session, dict)
        return session

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie, or None."""
        cookie = self.client.get_cookie(name, domain=self.origin.split("//")[1].split(":")[0])
        return None if cookie is None else cookie.value

    def begin_sign_in(self, callback_url: str = "/dashboard", provider: str = "development") -> TestResponse:
        """Submit the sign-in form of a provider. Return the redirect to the provider."""
        return self.submit(f"/api/auth/signin/{provider}", callbackUrl=callback_url)

    def choose(self, location: str, name: str = "Hana Example") -> str:
        """Choose a user at the development provider. Return the callback URL to which it redirects."""
        page = self.get(location, environ_overrides=THIS_COMPUTER).get_data(as_text=True)
        for form in re.findall(r"<form.*?</form>", page, re.DOTALL):
            if name in form:
                fields = dict(re.findall(r'name="([^"]+)"[^>]*?value="([^"]*)"', form))
                data = {key: html.unescape(value) for key, value in fields.items()}
                answer = self.post(location.partition("?")[0], data=data, environ_overrides=THIS_COMPUTER)
                return str(answer.headers["Location"])
        raise AssertionError(f"the provider does not offer {name!r}")

    def sign_in(self, name: str = "Hana Example", callback_url: str = "/dashboard") -> TestResponse:
        """Sign in by the development provider. Return the response to the callback."""
        return self.get(self.choose(self.begin_sign_in(callback_url).headers["Location"], name))

    def sign_out(self, **request: Any) -> TestResponse:
        """Submit the sign-out form."""
        return self.submit("/api/auth/signout", **request)
