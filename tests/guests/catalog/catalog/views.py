"""Pages."""

from __future__ import annotations

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask_login import current_user, login_required, login_user, logout_user
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response
from wtforms import EmailField, PasswordField
from wtforms.validators import DataRequired

from catalog import app, cache, csrf, db
from catalog.models import Book, Reservation, User, count_books


class LoginForm(FlaskForm):
    """Address and password."""

    email = EmailField("E-mail", validators=[DataRequired()])
    password = PasswordField("Password", validators=[DataRequired()])


@app.get("/")
def index() -> str:
    """List the books. The list is a cached fragment."""
    return render_template("index.html", books=lambda: db.session.scalars(db.select(Book).order_by(Book.title)))


@app.get("/about")
@cache.cached(60)
def about() -> str:
    """Say how many books there are. The whole page is cached."""
    return render_template("about.html", count=count_books())


@app.get("/book/<int:id>")
def book(id: int) -> str:
    """Show a book."""
    return render_template("book.html", book=db.get_or_404(Book, id))


@app.route("/login", methods=["GET", "POST"])
def login() -> str | Response:
    """Sign in with a password."""
    form = LoginForm()
    if form.validate_on_submit():
        user = User.by_password(form.email.data, form.password.data)
        if user is not None:
            login_user(user)
            return redirect(url_for("account"))
        flash("That is not right.")
    return render_template("login.html", form=form)


@app.post("/logout")
def logout() -> Response:
    """Sign out."""
    logout_user()
    return redirect(url_for("index"))


@app.route("/register", methods=["GET", "POST"])
def register() -> str | Response:
    """Create a reader, whose address is confirmed at the desk."""
    form = LoginForm()
    if form.validate_on_submit():
        if db.session.scalar(db.select(User).filter_by(email=form.email.data)):
            flash("There is such a reader.")
        else:
            user = User(name=form.email.data.partition("@")[0], email=form.email.data)
            user.set_password(form.password.data)
            db.session.add(user)
            db.session.commit()
            return redirect(url_for("login"))
    return render_template("login.html", form=form)


@app.get("/account")
@login_required
def account() -> str:
    """Show the reader's reservations, as a fragment that is cached for each reader."""
    return render_template("account.html")


@app.post("/book/<int:id>/reserve")
@login_required
def reserve(id: int) -> Response:
    """Reserve a book. Answers JSON to a script, else leads to the account."""
    if db.get_or_404(Book, id).reservation:
        abort(409)
    db.session.add(Reservation(book_id=id, reader=current_user._get_current_object()))
    _commit()
    return jsonify(reserved=id) if request.is_json else redirect(url_for("account"))


@app.post("/book/<int:id>/hand-over")
@login_required
def hand_over(id: int) -> Response:
    """Give a reservation to another reader, who has confirmed the address."""
    reservation = db.get_or_404(Reservation, id)
    other = User.by_confirmed_email(request.form.get("email", ""))
    if reservation.reader != current_user:
        abort(403)
    if other is None:
        flash("There is no such reader.")
    else:
        reservation.reader = other
        _commit()
    return redirect(url_for("account"))


@app.post("/hook/returned/<int:id>")
@csrf.exempt
def returned(id: int) -> Response:
    """Take a book back, for the return machine."""
    if request.headers.get("X-Machine") != app.config["SECRET_KEY"]:
        abort(401)
    db.session.delete(db.get_or_404(Reservation, id))
    _commit()
    return jsonify(returned=id)


@app.errorhandler(CSRFError)
def forged(error: CSRFError) -> tuple[str, int]:
    """Explain that the form is too old."""
    return render_template("message.html", message=f"Please try again: {error.description}"), 400


@app.errorhandler(404)
def not_found(_error: Exception) -> tuple[str, int]:
    """Return a page of the library's own."""
    return render_template("message.html", message="There is no such page."), 404


def _commit() -> None:
    db.session.commit()
    cache.clear()
