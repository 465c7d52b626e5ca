"""Minimal Flask application, for comparison on the same server: the same bodies without sessions, checks and headers."""

from __future__ import annotations

import json
from pathlib import Path

from flask import Flask, Response, jsonify, render_template

from bench.application import SAMPLE


def create_app() -> Flask:
    """Create an application whose routes send constants, or render templates, of the length of ours."""
    app = Flask(__name__, static_folder=None, template_folder=str(Path(__file__).parent / "templates"))
    body = json.dumps(SAMPLE.to_json(), separators=(",", ":"))
    user = SAMPLE.user
    values = {"user": user, "fp": "0" * 16, "csrf": "0" * 128, "text": json.dumps(SAMPLE.to_json(), indent=2)}

    @app.get("/json")
    def constant() -> Response:
        return Response(body, content_type="application/json")

    @app.get("/profile")
    def profile() -> Response:
        return jsonify(id=user.id, name=user.name, email=user.email, image=user.image, role=user.role)

    @app.get("/menu")
    def menu() -> str:
        return render_template("menu.html", **values)

    @app.get("/page")
    def page() -> str:
        return render_template("page.html", **values)

    return app
