"""Registration, and signing in with a password."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

from notes.db import get_db

bp = Blueprint("auth", __name__, url_prefix="/auth")


@bp.before_app_request
def load_user() -> None:
    """Load the user of the cookie session."""
    user_id = session.get("user_id")
    query = "SELECT * FROM user WHERE id = ?"
    g.user = get_db().execute(query, (user_id,)).fetchone() if user_id is not None else None


def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Redirect to the form if no user is signed in."""

    @wraps(view)
    def wrapped(**arguments: Any) -> Any:
        return redirect(url_for("auth.login")) if g.user is None else view(**arguments)

    return wrapped


@bp.route("/register", methods=["GET", "POST"])
def register() -> str | Response:
    """Create a user."""
    if request.method == "POST":
        name, password = request.form["name"], request.form["password"]
        if name and password:
            try:
                values = (name, generate_password_hash(password, "pbkdf2:sha256:1"))
                get_db().execute("INSERT INTO user (name, password) VALUES (?, ?)", values)
                get_db().commit()
                return redirect(url_for("auth.login"))
            except sqlite3.IntegrityError:
                flash(f"{name} is taken.")
        else:
            flash("Name and password are needed.")
    return render_template("auth/register.html")


@bp.route("/login", methods=["GET", "POST"])
def login() -> str | Response:
    """Sign in."""
    if request.method == "POST":
        user = get_db().execute("SELECT * FROM user WHERE name = ?", (request.form["name"],)).fetchone()
        if user is not None and check_password_hash(user["password"], request.form["password"]):
            session.clear()
            session["user_id"] = user["id"]
            return redirect(url_for("notes.index"))
        flash("That is not right.")
    return render_template("auth/login.html")


@bp.get("/logout")
def logout() -> Response:
    """Sign out."""
    session.clear()
    return redirect(url_for("notes.index"))
