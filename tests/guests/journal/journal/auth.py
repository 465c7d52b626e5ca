"""Registration, and signing in with a password."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_user, logout_user
from werkzeug.wrappers import Response

from journal.extensions import db
from journal.forms import LoginForm, RegistrationForm
from journal.models import User

bp = Blueprint("auth", __name__)


@bp.route("/login", methods=["GET", "POST"])
def login() -> str | Response:
    """Sign in with a password."""
    if current_user.is_authenticated:
        return redirect(url_for("main.index"))
    form = LoginForm()
    if form.validate_on_submit():
        user = db.session.scalar(db.select(User).filter_by(name=form.name.data))
        if user is not None and user.check_password(form.password.data):
            login_user(user, remember=form.remember.data)
            target = request.args.get("next", "")
            return redirect(target if target.startswith("/") and not urlsplit(target).netloc else url_for("main.index"))
        flash("Wrong name or password.")
    return render_template("auth/login.html", form=form)


@bp.get("/logout")
def logout() -> Response:
    """Sign out."""
    logout_user()
    return redirect(url_for("main.index"))


@bp.route("/register", methods=["GET", "POST"])
def register() -> str | Response:
    """Create a user, whose address is not confirmed yet."""
    form = RegistrationForm()
    if form.validate_on_submit():
        user = User(name=form.name.data, email=form.email.data)
        user.set_password(form.password.data)
        db.session.add(user)
        db.session.commit()
        token = user.confirmation_token(current_app.config["SECRET_KEY"])
        current_app.logger.info("mail to %s: %s", user.email, url_for("auth.confirm", token=token))
        return redirect(url_for("auth.login"))
    return render_template("auth/register.html", form=form)


@bp.get("/confirm/<token>")
def confirm(token: str) -> Response:
    """Confirm the address."""
    user = User.of_confirmation_token(token, current_app.config["SECRET_KEY"])
    if user is None:
        flash("This link is not valid.")
    else:
        user.email_confirmed = True
        db.session.commit()
        flash("Your address is confirmed.")
    return redirect(url_for("main.index"))
