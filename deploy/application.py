"""The application as a server of `make serve` creates it in each worker."""

from __future__ import annotations

import os

from flask import Flask

import app


def create_app() -> Flask:
    """Create the application, then remove its settings from the environment of this process.

    granian adds the whole environment to what the application gets with every request. Secrets would be there, and
    `HTTP_PROXY` would pass for a header of the client. An error report may contain both. Raises ConfigurationError.
    """
    application = app.create_app(dict(os.environ))
    for name, value in dict(os.environ).items():
        if name.startswith(("AUTH_", "GENKAN_", "HTTP_")) or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]
        if name == "HTTP_PROXY":
            # Libraries read this name, too.
            os.environ.setdefault("http_proxy", value)
    return application
