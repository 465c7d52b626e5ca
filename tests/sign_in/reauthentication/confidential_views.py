"""Views that require a recent sign-in."""

from __future__ import annotations

from flask import Blueprint, Flask

from genkan import fresh_login_required, json_blueprint

ORIGIN = "http://127.0.0.1:5000"
WITHIN = 300
CONFIDENTIAL = "/confidential?page=2"
REAUTHENTICATE = "/api/auth/signin?callbackUrl=%2Fconfidential%3Fpage%3D2&reason=fresh"


def add_views(app: Flask) -> Flask:
    """Add an HTML view and a JSON view that require a recent sign-in."""
    html, json_api = Blueprint("confidential", __name__), json_blueprint(Blueprint("confidential-json", __name__))

    @html.route("/confidential", methods=["GET", "POST"])
    @json_api.route("/api/confidential", methods=["GET", "POST"])
    @fresh_login_required(within=WITHIN)
    def confidential() -> str:
        return "secret"

    app.register_blueprint(html)
    app.register_blueprint(json_api)
    return app
