"""Style sheet and htmx, in a blueprint with a static folder of its own."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("theme", __name__, static_folder="files", static_url_path="/theme")
