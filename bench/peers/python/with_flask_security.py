"""Flask-Security with its user in SQLite, served in an environment of its own."""

from __future__ import annotations

import os

from flask import Flask, Response, jsonify, session
from flask_security import Security, SQLAlchemyUserDatastore, auth_required, current_user, login_user
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()
fsqla_v3.FsModels.set_db_info(db)


class Role(db.Model, fsqla_v3.FsRoleMixin):  # type: ignore[name-defined, misc]  # db.Model has no type
    """Role, as Flask-Security defines it."""


class User(db.Model, fsqla_v3.FsUserMixin):  # type: ignore[name-defined, misc]  # the same
    """User, as Flask-Security defines it."""


def create_app() -> Flask:
    """Create the application, and its database with one user."""
    app = Flask(__name__, static_folder=None)
    app.config.update(
        SECRET_KEY=os.environ["AUTH_SECRET"],
        SECURITY_PASSWORD_SALT=os.environ["AUTH_SECRET"],
        # No password is checked here, and the faster schemes are packages of their own.
        SECURITY_PASSWORD_HASH="pbkdf2_sha512",
        SECURITY_PASSWORD_SINGLE_HASH=True,
        SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"],
        # A permanent session is issued again with every response, as Flask does by default.
        SESSION_REFRESH_EACH_REQUEST=os.environ["REISSUE"] == "1",
    )
    db.init_app(app)
    users = SQLAlchemyUserDatastore(db, User, Role)
    Security(app, users)
    with app.app_context():
        db.create_all()
        if users.find_user(email="hana@example.com") is None:
            users.create_user(email="hana@example.com", username="Hana Example")
            db.session.commit()
    _add_routes(app, users)
    return app


def _add_routes(app: Flask, users: SQLAlchemyUserDatastore) -> None:
    @app.get("/health/live")
    def live() -> str:
        return "ok"

    @app.get("/sign-in")
    def sign_in() -> str:
        session.permanent = True
        login_user(users.find_user(email="hana@example.com"))
        return "ok"

    @app.get("/session")
    @auth_required("session")  # type: ignore[untyped-decorator]  # the package has no types
    def read() -> Response:
        user = {"name": current_user.username, "email": current_user.email, "image": None, "id": current_user.get_id()}
        return jsonify(user=user)
