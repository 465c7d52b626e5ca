"""Registration, confirmed addresses, and signing in with a password."""

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_user, logout_user
from itsdangerous import BadSignature, URLSafeTimedSerializer

from recipes.extensions import db
from recipes.forms import EmptyForm, LoginForm, RegistrationForm
from recipes.models import User

bp = Blueprint("auth", __name__)

ONE_DAY = 86400


def confirmations():
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], "confirm")


def next_page():
    target = request.args.get("next", "")
    is_path = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_path else url_for("pages.index")


@bp.app_context_processor
def add_logout_form():
    return {"logout_form": EmptyForm()}


@bp.route("/login", methods=["GET", "POST"])
def login():
    if current_user.is_authenticated:
        return redirect(next_page())
    form = LoginForm()
    if form.validate_on_submit():
        user = db.session.scalar(db.select(User).filter_by(email=form.email.data))
        if user is not None and user.check_password(form.password.data):
            login_user(user)
            return redirect(next_page())
        flash("Wrong address or password.")
    return render_template("login.html", form=form)


@bp.post("/logout")
def logout():
    logout_user()
    return redirect(url_for("pages.index"))


@bp.route("/register", methods=["GET", "POST"])
def register():
    form = RegistrationForm()
    if form.validate_on_submit():
        user = User(name=form.name.data, email=form.email.data)
        user.set_password(form.password.data)
        db.session.add(user)
        db.session.commit()
        token = confirmations().dumps([user.id, user.email])
        # A real application sends a mail here.
        print("To confirm the address, open", url_for("auth.confirm", token=token, _external=True))
        flash("Registered. Confirm your address, then log in.")
        return redirect(url_for("auth.login"))
    return render_template("register.html", form=form)


@bp.get("/confirm/<token>")
def confirm(token):
    try:
        id, email = confirmations().loads(token, max_age=ONE_DAY)
    except BadSignature:
        flash("This link is not valid.")
        return redirect(url_for("auth.login"))
    user = db.first_or_404(db.select(User).filter_by(id=id, email=email))
    user.email_confirmed = True
    db.session.commit()
    flash("Your address is confirmed.")
    return redirect(url_for("auth.login"))
