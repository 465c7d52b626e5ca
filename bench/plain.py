"""Minimal Flask application, for comparison on the same server."""

from __future__ import annotations

import json

from flask import Flask, Response

from bench.application import SAMPLE


def create_app() -> Flask:
    """Create an application with one route, which sends a constant of the length of a session."""
    app = Flask(__name__, static_folder=None)
    body = json.dumps(SAMPLE.to_json(), separators=(",", ":"))

    @app.get("/json")
    def constant() -> Response:
        return Response(body, content_type="application/json")

    return app
