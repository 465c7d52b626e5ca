"""An application that checks credentials itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan import Genkan, check
from tests.browser import Browser

PASSWORD = "the password of the old application"
RIGHT = {"email": "ada@example.org", "password": PASSWORD}
WRONG = {**RIGHT, "password": "wrong"}
CLIENT = {"X-Auth-Return-Redirect": "1"}
ADA: dict[str, object] = {"id": 7, "name": "Ada", "email": "ada@example.org", "image": "https://a.example/ada.png"}

Answer = Callable[[dict[str, Any]], Any]


BOTH_STRATEGIES = pytest.mark.parametrize("settings", ["jwt", "database"], indirect=True)


class Application:
    """An application that returns what a test says."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.app = Flask("guest", root_path=str(folder), instance_path=str(folder / "instance"))
        self.app.testing = True
        self.accounts = Genkan(self.app, **settings)
        self.accounts.authorize(self.authorize)
        self.calls: list[dict[str, Any]] = []
        self.answer: Answer = lambda credentials: ADA if credentials["password"] == PASSWORD else None

    def authorize(self, credentials: dict[str, Any]) -> Any:
        """Check the credentials, as the application does."""
        self.calls.append(credentials)
        return self.answer(credentials)

    def browser(self) -> Browser:
        """Return a new browser."""
        check(self.app)
        return Browser(self.app)


def sign_in(browser: Browser, fields: Mapping[str, str], headers: dict[str, str] | None = None) -> TestResponse:
    """Send the fields to the callback, with the CSRF token."""
    return browser.submit("/api/auth/callback/credentials", headers, **{"callbackUrl": "/", **fields})


def user_of(browser: Browser) -> dict[str, Any]:
    """Return the user in the session."""
    session = browser.session()
    assert session is not None
    user: dict[str, Any] = session["user"]
    return user
