"""JSON: 401, never a redirect."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from auth import auth
from genkan.actions.users import get_profile
from genkan.web import json_blueprint, unauthorized

bp = json_blueprint(Blueprint("api", __name__, url_prefix="/api/user"))


@bp.get("/profile")
def profile() -> Response:
    """`{id, name, email, image, role}` as stored, or as the session says where nobody is stored under its id."""
    session = auth()
    return jsonify(get_profile(session)) if session is not None else unauthorized()
