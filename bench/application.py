"""Application with additional routes below /bare/, which send the same responses without reading the session."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, render_template

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
    body = json.dumps(SAMPLE.to_json(), separators=(",", ":"))

    @app.get("/bare/json")
    @public
    def bare_json() -> Response:
        return Response(body, content_type="application/json", headers={"Cache-Control": "no-store"})

    @app.get("/bare/menu")
    @public
    def bare_menu() -> str:
        return render_template("genkan/menu.html", **constants(SAMPLE))

    @app.get("/bare/menu-signed-out")
    @public
    def bare_menu_signed_out() -> str:
        return render_template("genkan/menu.html", **constants(None))

    @app.get("/bare/dashboard")
    @public
    def bare_dashboard() -> str:
        readable = json.dumps(SAMPLE.to_json(), ensure_ascii=False, indent=2)
        return render_template("dashboard/index.html", session=SAMPLE, session_as_json=readable, **constants(SAMPLE))

    @app.get("/auth-calls/<int:times>")
    @public
    def auth_calls(times: int) -> Response:
        for _ in range(times):
            auth()
        return Response("{}", content_type="application/json")

    return app


def constants(session: Session | None) -> dict[str, Any]:
    """Return constants in place of the template globals, so that a page is rendered without reading the session."""
    return {
        "auth": lambda: session,
        "session_fingerprint": lambda: "0" * 16 if session else "",
        "csrf_token": lambda: "0" * 128,
        "sign_in_url": lambda: "/api/auth/signin?callbackUrl=%2F",
    }


def session_cookie(app: Flask) -> str:
    """Return the Cookie header of a user who has just signed in: session cookie and CSRF cookie."""
    options = app.extensions["genkan"].core
    claims = {**CLAIMS, "auth_time": int(time.time()), "sid": "session of the benchmark"}
    pair = options.csrf.create().cookie.replace("|", "%7C")
    token = options.sessions.sealer.seal(claims, options.sessions.config.max_age)
    return f"{options.cookie_names.csrf}={pair}; {options.cookie_names.session}={token}"
