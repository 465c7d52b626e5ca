"""The pages."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template

from auth import auth
from genkan.flask import public

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
    return render_template("dashboard/index.html", session=auth())


@bp.get("/partials/session")
def session() -> str:
    """The dashboard's session card alone; private like the page around it."""
    return render_template("partials/_session.html", session=auth())
