"""Fixture: an application with a page of a React front end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, Response

from genkan import public
from tests.e2e.live_server import live_server
from tests.servers.node import react


@pytest.fixture(name="react_app", scope="module")
def _react_app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, react_script: Path
) -> Iterator[Flask]:
    """Start an application with a React page at /react, under the security headers of the application.

    The parameter is the strategy of sessions.
    """
    strategy = getattr(request, "param", "jwt")
    script, page = react_script.read_bytes(), react.page("/react.js")
    settings = {"AUTH_PASSWORDS": "on", "AUTH_TOTP": "on", "AUTH_SESSION_STRATEGY": strategy}
    with live_server(tmp_path_factory.mktemp("shared"), **settings) as app:
        app.add_url_rule("/react", "react", public(lambda: Response(page)))
        app.add_url_rule("/react.js", "script", public(lambda: Response(script, content_type="text/javascript")))
        app.add_url_rule(
            "/favicon.ico", "icon", public(lambda: Response(status=204))
        )  # the browser requests it, as the React page names no icon
        yield app
