"""Error pages."""

from __future__ import annotations

from flask import Blueprint, jsonify, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from journal.extensions import db

bp = Blueprint("errors", __name__)


@bp.app_errorhandler(HTTPException)
def http_error(error: HTTPException) -> tuple[str | Response, int]:
    """Return JSON below /api/, else a page."""
    status = error.code or 500
    if request.path.startswith("/api/"):
        return jsonify(error=error.name), status
    return render_template("errors/error.html", error=error), status


@bp.app_errorhandler(500)
def failure(error: HTTPException) -> tuple[str | Response, int]:
    """Undo what was begun."""
    db.session.rollback()
    return http_error(error)
