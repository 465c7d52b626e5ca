"""JSON routes. Without a session they answer 401, never with a redirect."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from auth import auth
from genkan.actions.users import get_profile
from genkan.web import json_blueprint, unauthorized

bp = json_blueprint(Blueprint("api", __name__, url_prefix="/api/user"))


@bp.get("/profile")
def profile() -> Response:
    """Return `{id, name, email, image, role}` of the stored user, or of the session if no user is stored under its id."""
    session = auth()
    return jsonify(get_profile(session)) if session is not None else unauthorized()
