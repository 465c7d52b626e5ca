"""Flask-DebugToolbar: it adds itself to every page."""

from __future__ import annotations

from flask import Flask, Response

from genkan.web.state import get_state


def leave_out_own_pages(app: Flask) -> None:
    """Keep the toolbar, if the application has it, out of our pages.

    Their Content-Security-Policy would block its styles and its script. Called when the application is complete.
    """
    if "debugtoolbar" in app.blueprints:
        for name in get_state(app).own_blueprints:
            app.after_request_funcs.setdefault(name, []).append(_stream_html)


def _stream_html(response: Response) -> Response:
    # The toolbar leaves a response alone whose body is an iterator.
    if response.mimetype == "text/html" and response.is_sequence:
        response.response = response.iter_encoded()
    return response
