"""The house with bare twins of its routes below /bare/: the same answers, drawn without asking who is there."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, render_template

import app as house
from genkan.types import Session, SessionUser
from genkan.web import auth, public

PERSON = {"name": "Hana Example", "email": "hana@example.com", "picture": None, "sub": "42", "role": "user"}
SAMPLE = Session(
    SessionUser("Hana Example", "hana@example.com", None, "42", "user"),
    datetime.fromtimestamp(int(time.time()) + 30 * 24 * 3600, UTC),
)


def create_app() -> Flask:
    """What the production server is given in place of `app:create_app()`."""
    app = house.create_app()
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

    @app.get("/asks/<int:times>")
    @public
    def asks(times: int) -> Response:
        for _ in range(times):
            auth()
        return Response("{}", content_type="application/json")

    return app


def constants(session: Session | None) -> dict[str, Any]:
    """The templates' globals as constants: a page drawn with these asks nobody anything."""
    return {
        "auth": lambda: session,
        "session_fingerprint": lambda: "0" * 16 if session else "",
        "csrf_token": lambda: "0" * 128,
        "sign_in_url": lambda: "/api/auth/signin?callbackUrl=%2F",
    }


def session_cookie(app: Flask) -> str:
    """A Cookie header of somebody who has just signed in: their session and their CSRF pair."""
    options = app.extensions["genkan"].core
    claims = {**PERSON, "auth_time": int(time.time()), "sid": "the session of a bench"}
    pair = options.csrf.create().cookie.replace("|", "%7C")
    return (
        f"{options.names.csrf}={pair}; {options.names.session}={options.sessions.seal(claims, options.policy.max_age)}"
    )
