"""Page of the user's own account."""

from __future__ import annotations

from flask import Blueprint, render_template

from notes.auth import login_required

bp = Blueprint("account", __name__, url_prefix="/account")


@bp.get("")
@login_required
def index() -> str:
    """Show the account."""
    return render_template("account.html")
