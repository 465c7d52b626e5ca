"""Application on a real socket, for a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import ClosingIterator

from app import create_app
from genkan.adapters.sqlalchemy import migrations

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Print nothing. The browser window records the requests."""


def _send_whole_body(app: Flask, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Read and close the response before it is sent. Werkzeug leaves a file open if the browser drops the connection."""
    body = ClosingIterator(app(environ, start_response))
    with closing(body):
        return [b"".join(body)]


@contextmanager
def serve(make_app: Callable[[str], Flask]) -> Iterator[Flask]:
    """Serve the application that `make_app` returns for an origin."""
    server = make_server("127.0.0.1", 0, Flask("not started"), threaded=True, request_handler=_QuietHandler)
    app = make_app(f"http://127.0.0.1:{server.server_port}")
    server.app = partial(_send_whole_body, app)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def live_server(folder: Path, **variables: str) -> Iterator[Flask]:
    """Serve the reference application in development at its AUTH_URL. Keywords are variables added to its environment."""

    def make_app(origin: str) -> Flask:
        environment = {
            "GENKAN_ENV": "development",
            "AUTH_SECRET": "tests-only-secret-that-protects-nothing-at-all",
            "AUTH_URL": origin,
            "DATABASE_URL": f"sqlite:///{folder}/test.db",
            **variables,
        }
        migrations.upgrade(environment["DATABASE_URL"])
        return create_app(environment)

    with serve(make_app) as app:
        yield app
