"""Application with a route that asks for the session as often as its URL says."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from flask import Flask, Response

import app as application
from genkan import auth, public
from genkan.types import Session, SessionUser

CLAIMS = {"name": "Hana Example", "email": "hana@example.com", "picture": None, "sub": "42", "role": "user"}
SAMPLE = Session(
    SessionUser("Hana Example", "hana@example.com", None, "42", "user"),
    datetime.fromtimestamp(int(time.time()) + 30 * 24 * 3600, UTC),
)


def create_app() -> Flask:
    """Create the application that the server runs in place of `app:create_app()`."""
    app = application.create_app()

    @app.get("/auth-calls/<int:times>")
    @public
    def auth_calls(times: int) -> Response:
        for _ in range(times):
            auth()
        return Response("{}", content_type="application/json")

    return app


def session_cookie(app: Flask) -> str:
    """Return the Cookie header of a user who has just signed in: session cookie and CSRF cookie."""
    options = app.extensions["genkan"].core
    claims = {**CLAIMS, "auth_time": int(time.time()), "sid": "session of the benchmark"}
    pair = options.csrf.create().cookie.replace("|", "%7C")
    token = options.sessions.sealer.seal(claims, options.sessions.config.max_age)
    return f"{options.cookie_names.csrf}={pair}; {options.cookie_names.session}={token}"
