"""Registration, and signing in with a password."""

from __future__ import annotations

from flask import Blueprint, abort, flash, g, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

from board.db import User, get_session

bp = Blueprint("auth", __name__)


def load_user() -> None:
    """Load the member of the session cookie."""
    g.user = get_session().get(User, session.get("member", ""))


def require_user() -> User:
    """Return the member, or end the request."""
    user: User = g.user or abort(redirect(url_for("auth.login")))
    return user


def find_confirmed(email: str) -> User | None:
    """Return the member who has confirmed this address."""
    return get_session().scalar(select(User).filter_by(email=email, email_confirmed=True))


@bp.route("/login", methods=["GET", "POST"])
def login() -> str | Response:
    """Sign in with the name or a confirmed address."""
    if request.method == "POST":
        name = request.form["name"]
        user = get_session().get(User, name) or find_confirmed(name)
        if user and user.password and check_password_hash(user.password, request.form["password"]):
            session["member"] = user.id
            return redirect(url_for("topics.index"))
        flash("Unknown name or wrong password.")
    return render_template("login.html")


@bp.post("/register")
def register() -> Response:
    """Create a member. The address is confirmed by a moderator."""
    form = request.form
    if get_session().get(User, form["name"]) or not form["name"]:
        flash("Choose another name.")
    else:
        password = generate_password_hash(form["password"], "pbkdf2:sha256:1000")
        get_session().add(User(id=form["name"], email=form.get("email") or None, password=password))
        get_session().commit()
        session["member"] = form["name"]
    return redirect(url_for("topics.index"))


@bp.get("/logout")
def logout() -> Response:
    """Sign out."""
    session.pop("member", None)
    return redirect(url_for("topics.index"))
