"""Pages with a form, as an application's developer writes them: without any code for ended sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from flask import Flask, Response, render_template_string, request

from genkan import auth, public
from genkan.session.revoker import revoke_user
from tests.browser import Browser
from tests.e2e.browser_window import BrowserWindow

FORM = """
<form data-genkan method="post" action="/form" hx-post="/form" hx-target="#result" hx-swap="outerHTML">
<input type="hidden" name="csrfToken" value="{{ csrf_token() }}">
<label>Note <textarea name="note"></textarea></label>
<button name="how" value="carefully">Save note</button>
</form>
"""

PAGE = (
    """
{% extends "base.html" %}
{% block content %}
<h1>A form</h1>
<p>Private text of {{ auth().user.name if auth() else "no user" }}</p>
{% block form %}"""
    + FORM
    + """{% endblock %}
<p id="result"></p>
<button class="button" hx-get="/form/secret" hx-target="#result">Show</button>
<button class="button" hx-delete="/form" hx-confirm="Really?" hx-headers='{"X-CSRF-Token": "{{ csrf_token() }}"}' hx-target="#result" hx-swap="outerHTML">Clear</button>
{% endblock %}
"""
)

FRAGMENT = (
    """
<div id="fragment" hx-get="/form/fragment" hx-trigger="session-changed from:document" hx-swap="outerHTML">"""
    + FORM
    + "</div>"
)


@dataclass
class FormApp:
    """Views of the form, the notes that they saved, and the ways in which they refuse a request."""

    saved: list[tuple[str, str, str]] = field(default_factory=list)
    """User name, note and value of the button of each saved note."""
    cleared: int = 0
    stale: str | None = None
    """Session cookie whose sign-in is not recent enough."""
    closed: bool = False
    """True refuses every POST as if there were no session."""

    def reset(self) -> None:
        """Restore the initial state."""
        self.saved, self.cleared, self.stale, self.closed = [], 0, None, False

    def register(self, app: Flask) -> None:
        """Add the views to the application."""
        app.add_url_rule("/form", "form", lambda: render_template_string(PAGE, private=True))
        app.add_url_rule("/form", "save", self.save, methods=["POST"])
        app.add_url_rule("/form", "clear", self.clear, methods=["DELETE"])
        app.add_url_rule("/form/secret", "secret", lambda: "a secret indeed")
        app.add_url_rule("/form/fragment", "fragment", lambda: render_template_string(FRAGMENT))
        app.add_url_rule("/form/outer", "outer", lambda: render_template_string(_outer_page(), private=True))
        app.add_url_rule("/public-form", "public_form", public(lambda: render_template_string(PAGE)))

    def save(self) -> Response | str:
        """Save a note."""
        session = auth()
        assert session is not None
        if self.closed or (self.stale is not None and self.stale in request.headers["Cookie"]):
            reason = "" if self.closed else "&reason=fresh"
            url = f"/api/auth/signin?callbackUrl={quote('/form', safe='')}{reason}"
            return Response("No.", 401, {"HX-Redirect": url})
        self.saved.append((session.user.name or "", request.form["note"], request.form.get("how", "")))
        return render_template_string('<p id="result">Saved: {{ request.form["note"] }}</p>')

    def clear(self) -> str:
        """Count the request."""
        self.cleared += 1
        return '<p id="result">Cleared</p>'


def _outer_page() -> str:
    return PAGE.replace(FORM, FRAGMENT)


def revoke_sessions(window: BrowserWindow) -> None:
    """Revoke all sessions of the window's user, as from another device. The window's pages get no event."""
    client = Browser(window.app)
    client.client.set_cookie(client.core.cookie_names.session, session_cookie(window), domain="127.0.0.1")
    session = client.session()
    assert session is not None
    revoke_user(session["user"]["id"], "ended", client.core.sessions)


def session_cookie(window: BrowserWindow) -> str:
    """Return the value of the window's session cookie."""
    name = window.app.extensions["genkan"].core.cookie_names.session
    return next(cookie["value"] for cookie in window.context.cookies() if cookie["name"] == name)


def delete_csrf_cookie(window: BrowserWindow) -> None:
    """Delete the CSRF cookie, so that the next response sets another one, as a sign-in in another tab does."""
    window.context.clear_cookies(name=window.app.extensions["genkan"].core.cookie_names.csrf)
