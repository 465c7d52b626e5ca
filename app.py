"""The roof: settings, database, cache, auth, blueprints, error pages; nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from flask import Flask

import auth
from blueprints import api, dashboard, errors, health
from blueprints import auth as doors
from deploy.logging import configure_logging
from genkan.cli import group, sessions, users
from genkan.crypto.sealer import Clock
from genkan.dev_provider import views
from genkan.settings.environment import from_environment
from genkan.web import account
from genkan.web.static_files import register_package_files, register_static_files

MAX_BODY = 64 * 1024
"""Bytes of a request body; nothing this application takes is longer (D1). A view that takes uploads raises
`request.max_content_length` for itself."""


@group.cli_errors
def create_app(environment: Mapping[str, str] | None = None, clock: Clock = time.time) -> Flask:
    """The application for an environment, the process's own by default.

    Raises ConfigurationError for settings it must not start with, naming the variable and the remedy. Creates no
    tables: that is the migrations' work, which `make run` and `make serve` see to.
    """
    settings = from_environment(os.environ if environment is None else environment)
    configure_logging()
    app = Flask(__name__)
    app.config["DATABASE_URL"] = settings.database_url
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_MEMORY_SIZE=MAX_BODY, MAX_FORM_PARTS=100)
    app.json.sort_keys = app.json.ensure_ascii = False  # type: ignore[attr-defined]  # the default provider has both
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    provider = auth.init_app(app, settings, clock)
    register_static_files(app)
    register_package_files(app)
    for room in (doors, dashboard, account, api, health, users, sessions, errors):
        app.register_blueprint(room.bp)
    if provider is not None:
        app.register_blueprint(views.create_blueprint(provider))
    return app
