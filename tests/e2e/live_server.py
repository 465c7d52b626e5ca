"""Reference application on a real socket, for a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from genkan.adapters.sqlalchemy import migrations


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Print nothing. The browser window records the requests."""


@contextmanager
def live_server(folder: Path, **variables: str) -> Iterator[Flask]:
    """Serve the application in development at its AUTH_URL. Keywords are variables added to its environment."""
    server = make_server("127.0.0.1", 0, Flask("not started"), threaded=True, request_handler=_QuietHandler)
    environment = {
        "GENKAN_ENV": "development",
        "AUTH_SECRET": "tests-only-secret-that-protects-nothing-at-all",
        "AUTH_URL": f"http://127.0.0.1:{server.server_port}",
        "DATABASE_URL": f"sqlite:///{folder}/test.db",
        **variables,
    }
    migrations.upgrade(environment["DATABASE_URL"])
    server.app = app = create_app(environment)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
