"""Flask-Login with its user in SQLite, served in an environment of its own."""

from __future__ import annotations

import os

from flask import Flask, Response, jsonify, session
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of the table."""


db = SQLAlchemy(model_class=Base)


class User(UserMixin, db.Model):  # type: ignore[name-defined, misc]  # db.Model has no type
    """User with a name and an email address."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]


def create_app() -> Flask:
    """Create the application, and its database with one user."""
    app = Flask(__name__, static_folder=None)
    app.config.update(
        SECRET_KEY=os.environ["AUTH_SECRET"],
        SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"],
        # A permanent session is issued again with every response, as Flask does by default.
        SESSION_REFRESH_EACH_REQUEST=os.environ["REISSUE"] == "1",
    )
    db.init_app(app)
    manager = LoginManager(app)
    manager.user_loader(lambda user_id: db.session.get(User, int(user_id)))
    with app.app_context():
        db.create_all()
        db.session.merge(User(id=42, name="Hana Example", email="hana@example.com"))
        db.session.commit()
    _add_routes(app)
    return app


def _add_routes(app: Flask) -> None:
    @app.get("/health/live")
    def live() -> str:
        return "ok"

    @app.get("/sign-in")
    def sign_in() -> str:
        session.permanent = True
        login_user(db.session.get(User, 42))
        return "ok"

    @app.get("/session")
    @login_required  # type: ignore[untyped-decorator]  # the package has no types
    def read() -> Response:
        user = {"name": current_user.name, "email": current_user.email, "image": None, "id": current_user.get_id()}
        return jsonify(user=user)
