"""JSON: the profile of the signed-in user (401 without one, never a redirect), and the liveness check."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from genkan import json_blueprint, public, require_session
from genkan.actions.users import get_profile
from genkan.web.context import get_core

bp = json_blueprint(Blueprint("api", __name__, url_prefix="/api/user"))

health = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/profile")
def profile() -> Response:
    """Return `{id, name, email, image, role}` of the signed-in user as JSON. 401 if no user is signed in."""
    return jsonify(get_profile(require_session(), get_core()))


@health.get("/live")
@public
def live() -> Response:
    """Return 200 while this process answers requests. It reads no session, so the benchmarks use it as their baseline."""
    return Response('{"status":"ok"}', content_type="application/json", headers={"Cache-Control": "no-store"})
