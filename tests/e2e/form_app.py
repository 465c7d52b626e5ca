"""A house with a desk: a private page with a form, which is all that its developer wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from flask import Flask, Response, render_template_string, request

from genkan import auth, public
from genkan.session.revoker import revoke_all_sessions
from tests.browser import Browser
from tests.e2e.browser_window import BrowserWindow

FORM = """
<form method="post" action="/desk" hx-post="/desk" hx-target="#kept" hx-swap="outerHTML">
<input type="hidden" name="csrfToken" value="{{ csrf_token() }}">
<label>Note <textarea name="note"></textarea></label>
<button name="how" value="carefully">Keep it</button>
</form>
"""

PAGE = (
    """
{% extends "base.html" %}
{% block content %}
<h1>The desk</h1>
<p>A secret of {{ auth().user.name if auth() else "nobody" }}</p>
{% block form %}"""
    + FORM
    + """{% endblock %}
<p id="kept"></p>
<button class="button" hx-get="/desk/secret" hx-target="#kept">Show</button>
<button class="button" hx-delete="/desk" hx-confirm="Really?" hx-headers='{"X-CSRF-Token": "{{ csrf_token() }}"}' hx-target="#kept" hx-swap="outerHTML">Clear</button>
{% endblock %}
"""
)

PART = (
    """
<div id="part" hx-get="/desk/part" hx-trigger="session-changed from:document" hx-swap="outerHTML">"""
    + FORM
    + "</div>"
)


@dataclass
class FormApp:
    """What was kept, by whom, and how; and what the desk does to whoever comes."""

    kept: list[tuple[str, str, str]] = field(default_factory=list)
    cleared: int = 0
    stale: str | None = None
    """The session that is not fresh enough."""
    closed: bool = False
    """Refuses everybody, always, as if they were not signed in."""

    def clear(self) -> None:
        """As on the first day."""
        self.kept, self.cleared, self.stale, self.closed = [], 0, None, False

    def stand_in(self, app: Flask) -> None:
        """Put the desk's pages into the house."""
        app.add_url_rule("/desk", "desk", lambda: render_template_string(PAGE, private=True))
        app.add_url_rule("/desk", "keep", self.keep, methods=["POST"])
        app.add_url_rule("/desk", "clear", self.forget, methods=["DELETE"])
        app.add_url_rule("/desk/secret", "secret", lambda: "a secret indeed")
        app.add_url_rule("/desk/part", "part", lambda: render_template_string(PART))
        app.add_url_rule("/desk/around", "around", lambda: render_template_string(_around(), private=True))
        app.add_url_rule("/counter", "counter", public(lambda: render_template_string(PAGE)))

    def keep(self) -> Response | str:
        """Keep a note."""
        session = auth()
        assert session is not None
        if self.closed or (self.stale is not None and self.stale in request.headers["Cookie"]):
            reason = "" if self.closed else "&reason=fresh"
            way = f"/api/auth/signin?callbackUrl={quote('/desk', safe='')}{reason}"
            return Response("No.", 401, {"HX-Redirect": way})
        self.kept.append((session.user.name or "", request.form["note"], request.form.get("how", "")))
        return render_template_string('<p id="kept">Kept: {{ request.form["note"] }}</p>')

    def forget(self) -> str:
        """Clear the desk."""
        self.cleared += 1
        return '<p id="kept">Cleared</p>'


def _around() -> str:
    return PAGE.replace(FORM, PART)


def end_session(window: BrowserWindow) -> None:
    """The person ends their sessions from another device: no page of this window is told."""
    device = Browser(window.app)
    device.client.set_cookie(device.options.cookie_names.session, session_cookie(window), domain="127.0.0.1")
    person = device.session()
    assert person is not None
    revoke_all_sessions(person["user"]["id"], "ended", device.options)


def session_cookie(window: BrowserWindow) -> str:
    """The value that this window's requests carry."""
    name = window.app.extensions["genkan"].core.cookie_names.session
    return next(cookie["value"] for cookie in window.context.cookies() if cookie["name"] == name)


def renew_csrf_pair(window: BrowserWindow) -> None:
    """The browser's pair is gone, and will be another one, as after any sign-in or sign-out in another tab."""
    window.context.clear_cookies(name=window.app.extensions["genkan"].core.cookie_names.csrf)
