"""Application for notes, with a sign-in by password of its own and without an ORM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask

from notes import account, auth, db, notes


def create_app(config: dict[str, Any] | None = None) -> Flask:
    """Create the application."""
    app = Flask(__name__, instance_relative_config=True)
    app.config.from_mapping(SECRET_KEY="development", DATABASE=str(Path(app.instance_path) / "notes.sqlite"))
    app.config.update(config or {})
    Path(app.instance_path).mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    for blueprint in (auth.bp, account.bp, notes.bp):
        app.register_blueprint(blueprint)
    return app
