"""Application factory."""

from __future__ import annotations

import os
from collections.abc import Mapping

from flask import Flask
from flask_caching import Cache

from blueprints import api, auth, dashboard
from deploy.logging import configure_logging
from genkan.cache.shared import MAX_ENTRIES, REDIS_OPTIONS, JSONSerializer, malformed_url_errors
from genkan.cli import sessions, users
from genkan.cli.group import cli_errors
from genkan.crypto.sealer import Clock
from genkan.settings.environment import from_environment
from genkan.web.static_files import register_static_files

MAX_BODY = 64 * 1024
"""Bytes of a request body. A view that takes uploads raises `request.max_content_length` for itself."""


@cli_errors
def create_app(environment: Mapping[str, str] | None = None, clock: Clock | None = None) -> Flask:
    """Create the application. `environment` replaces the process's own environment.

    Raises ConfigurationError that names the variable and the remedy. Creates no tables: `make run` and `make serve` run
    the migrations.
    """
    environment = os.environ if environment is None else environment
    configure_logging()
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_MEMORY_SIZE=MAX_BODY, MAX_FORM_PARTS=100)
    app.json.sort_keys = app.json.ensure_ascii = False  # type: ignore[attr-defined]  # the default provider has both
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    cache = create_cache(app, from_environment(environment).redis_url)
    auth.accounts.init_app(app, environment=environment, clock=clock, pages=auth.PAGES, cache=cache)
    register_static_files(app)
    for blueprint in (auth.bp, dashboard.bp, api.bp, api.health, users.bp, sessions.bp):
        app.register_blueprint(blueprint)
    return app


def create_cache(app: Flask, redis_url: str | None) -> Cache:
    """Create the cache: in this process, or in Redis for all workers. Raises ConfigurationError for a malformed URL."""
    backend: dict[str, object] = {"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": MAX_ENTRIES}
    if redis_url is not None:
        backend = {"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": redis_url, "CACHE_OPTIONS": REDIS_OPTIONS}
    with malformed_url_errors():
        # JSON, because the default serializer of Flask-Caching is pickle. The package adds a prefix to its keys.
        return Cache(app, config={**backend, "CACHE_SERIALIZER": JSONSerializer(), "CACHE_KEY_PREFIX": ""})
