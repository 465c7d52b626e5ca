"""The pages."""

from __future__ import annotations

import json

from flask import Blueprint, Response, make_response, render_template

from genkan import auth, public

bp = Blueprint("dashboard", __name__)

CACHE_SECONDS = 60
"""How long anybody may keep the page that is the same for everybody."""


@bp.get("/")
@public
def home() -> str:
    """The front page."""
    return render_template("home.html")


@bp.get("/partials/welcome")
@public
def welcome() -> str:
    """The part of the front page that depends on who is there."""
    return render_template("partials/_welcome.html")


@bp.get("/about")
@public
def about() -> Response:
    """A page that caches may share: drawn without asking who is there, so its menu begins in the loading state."""
    response = make_response(render_template("about.html", menu_loading=True))
    response.headers["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
    return response


@bp.get("/dashboard")
def index() -> str:
    """The private page; the guard has seen to it that there is a session."""
    return _about_session("dashboard/index.html")


@bp.get("/partials/session")
def session() -> str:
    """The dashboard's session card alone; private like the page around it."""
    return _about_session("partials/_session.html")


def _about_session(template: str) -> str:
    session = auth()
    as_json = json.dumps(session and session.to_json(), ensure_ascii=False, indent=2)
    return render_template(template, session=session, session_as_json=as_json)
