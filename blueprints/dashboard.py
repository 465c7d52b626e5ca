"""Pages of the application and the fragments that HTMX refreshes."""

from __future__ import annotations

import json

from flask import Blueprint, Response, make_response, render_template

from genkan import auth, public

bp = Blueprint("dashboard", __name__)

CACHE_SECONDS = 60
"""Seconds that a shared cache may keep a page that does not depend on the session."""


@bp.get("/")
@public
def home() -> str:
    """Render the front page."""
    return render_template("home.html")


@bp.get("/partials/welcome")
@public
def welcome() -> str:
    """Render the part of the front page that depends on the session."""
    return render_template("partials/_welcome.html")


@bp.get("/about")
@public
def about() -> Response:
    """Render a page for shared caches. It does not read the session, so its menu starts in the loading state."""
    response = make_response(render_template("about.html", menu_loading=True))
    response.headers["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
    return response


@bp.get("/dashboard")
def index() -> str:
    """Render the dashboard. The access check requires a session, because the view is not `@public`."""
    return _render_session("dashboard/index.html")


@bp.get("/partials/session")
def session() -> str:
    """Render the session card of the dashboard for HTMX."""
    return _render_session("dashboard/_session_card.html")


def _render_session(template: str) -> str:
    session = auth()
    as_json = json.dumps(session and session.to_json(), ensure_ascii=False, indent=2)
    return render_template(template, session=session, session_as_json=as_json)
