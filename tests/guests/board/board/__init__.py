"""Message board with htmx, plain SQLAlchemy, and a sign-in by password of its own."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, Response, current_app, g, render_template, request

from board import auth, db, topics
from board.theme import bp as theme


def create_app(config: dict[str, Any] | None = None) -> Flask:
    """Create the application."""
    app = Flask(__name__, static_folder=None)
    app.config.update(SECRET_KEY="change me", DATABASE="sqlite:///board.sqlite", CLOSED=False)
    app.config.update(config or {})
    db.init_app(app)
    app.before_request(start)
    app.before_request(auth.load_user)
    app.after_request(finish)
    app.register_error_handler(404, not_found)
    for blueprint in (theme, auth.bp, topics.bp):
        app.register_blueprint(blueprint)
    return app


def start() -> tuple[str, int] | None:
    """Note the time. While the board is closed, refuse everything but its theme."""
    g.started = time.perf_counter()
    if current_app.config["CLOSED"] and request.blueprint != "theme":
        return "The board is closed for an hour.", 503
    return None


def finish(response: Response) -> Response:
    """Say how long it took."""
    if "started" in g:
        response.headers["X-Duration"] = f"{time.perf_counter() - g.started:.4f}"
    return response


def not_found(_error: Exception) -> tuple[str, int]:
    """Return a page of the board's own."""
    return render_template("not_found.html"), 404
