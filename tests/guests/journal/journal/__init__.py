"""Journal: an application factory with Flask-SQLAlchemy, Flask-Migrate, Flask-Login and Flask-WTF."""

from __future__ import annotations

from typing import Any

from flask import Flask

from journal import api, auth, errors, main
from journal.config import Config
from journal.extensions import db, login, migrate


def create_app(config: dict[str, Any] | None = None) -> Flask:
    """Create the application."""
    app = Flask(__name__)
    app.config.from_object(Config)
    app.config.update(config or {})
    db.init_app(app)
    migrate.init_app(app, db)
    login.init_app(app)
    app.register_blueprint(errors.bp)
    app.register_blueprint(auth.bp, url_prefix="/auth")
    app.register_blueprint(main.bp)
    app.register_blueprint(api.bp, url_prefix="/api")
    return app
