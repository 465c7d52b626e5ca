"""Application with additional routes, as a developer writes them. Real workers serve it in the tests."""

from __future__ import annotations

import os

from flask import Blueprint, Flask, Response, jsonify

from app import create_app as create_whole_app
from auth import access_token
from genkan.web import json_blueprint, public


def create_app() -> Flask:
    """Create the application with the additional routes."""
    app = create_whole_app()
    app.register_blueprint(token_blueprint())
    return app


def token_blueprint() -> Blueprint:
    """Return a JSON blueprint whose views need a provider's access token: a private view and a public one."""
    blueprint = json_blueprint(Blueprint("tokens", __name__, url_prefix="/api/token"))
    blueprint.get("/<provider_id>")(_token)
    blueprint.get("/open/<provider_id>")(public(_token))
    return blueprint


def _token(provider_id: str) -> Response:
    return jsonify(token=access_token(provider_id), worker=os.getpid())
