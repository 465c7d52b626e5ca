"""JSON: 401, never a redirect."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from genkan import json_blueprint, require_session
from genkan.actions.users import get_profile
from genkan.web.context import get_core

bp = json_blueprint(Blueprint("api", __name__, url_prefix="/api/user"))


@bp.get("/profile")
def profile() -> Response:
    """Return `{id, name, email, image, role}` of the signed-in user as JSON. 401 if no user is signed in."""
    return jsonify(get_profile(require_session(), get_core()))
