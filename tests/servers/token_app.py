"""The application with a few routes more, as an owner would write them; served by real workers in the tests."""

from __future__ import annotations

import os

from flask import Blueprint, Flask, Response, jsonify

from app import create_app as create_whole_app
from genkan import access_token, json_blueprint, public


def create_app() -> Flask:
    """Like the application's own."""
    app = create_whole_app()
    app.register_blueprint(room())
    return app


def room() -> Blueprint:
    """JSON that needs a provider's token: one route for people who are signed in, one that lets anybody try."""
    room = json_blueprint(Blueprint("tokens", __name__, url_prefix="/api/token"))
    room.get("/<provider_id>")(_token)
    room.get("/open/<provider_id>")(public(_token))
    return room


def _token(provider_id: str) -> Response:
    return jsonify(token=access_token(provider_id), worker=os.getpid())
