"""Bare Flask application: a page with a menu for a fixed user, a style sheet, htmx 4, an icon and a picture."""

from __future__ import annotations

import gzip
from pathlib import Path

from flask import Flask, Response, render_template_string

HTMX = Path(__file__).parents[2] / "static" / "vendor" / "htmx-4.0.1.min.js"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Dashboard</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/app.css">
<script defer src="/static/htmx.min.js"></script>
</head>
<body>
<header>
<div id="user-menu" hx-get="/menu" hx-trigger="session-changed from:document" hx-swap="outerHTML">
<details>
<summary>Hi, {{ name }} <img src="/static/picture.svg" alt="" width="36" height="36"></summary>
<a href="/account">Account</a>
<form method="post" action="/sign-out"><button>Sign out</button></form>
</details>
</div>
</header>
<main><h1>Dashboard</h1></main>
</body>
</html>
"""

STYLE = """
body { font: 1rem/1.5 sans-serif; margin: 0; }
header { display: flex; justify-content: flex-end; padding: 0.5rem 1rem; }
details { position: relative; }
summary { align-items: center; cursor: pointer; display: flex; gap: 0.5rem; }
"""

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4" fill="#678"/></svg>'

FILES = {
    "app.css": ("text/css", STYLE.encode()),
    "htmx.min.js": ("text/javascript", HTMX.read_bytes()),
    "icon.svg": ("image/svg+xml", PICTURE.encode()),
    "picture.svg": ("image/svg+xml", PICTURE.encode()),
}


def create_app() -> Flask:
    """Create the application. Files are compressed once, as a server for static files does."""
    app = Flask(__name__, static_folder=None)
    compressed = {name: gzip.compress(content) for name, (_, content) in FILES.items()}

    @app.get("/health/live")
    def live() -> str:
        return "ok"

    @app.get("/dashboard")
    def dashboard() -> str:
        return render_template_string(PAGE, name="Hana Example")

    @app.get("/static/<name>")
    def static(name: str) -> Response:
        headers = {"Content-Encoding": "gzip", "Cache-Control": "public, max-age=31536000, immutable"}
        return Response(compressed[name], headers=headers, content_type=FILES[name][0])

    return app
