"""Flask-WTF: its CSRFProtect checks the forms of the application."""

from __future__ import annotations

from flask import Flask

from genkan.web.state import get_state


def leave_out_own_forms(app: Flask) -> None:
    """Exempt our blueprints from CSRFProtect, if the application has it. They check a CSRF token of their own."""
    exempt = getattr(app.extensions.get("csrf"), "exempt", None)
    if exempt is not None:
        for name in get_state(app).own_blueprints:
            exempt(app.blueprints[name])
