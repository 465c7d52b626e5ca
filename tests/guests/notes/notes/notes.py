"""Notes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, flash, g, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from notes.auth import login_required
from notes.db import get_db

bp = Blueprint("notes", __name__)


@bp.get("/")
def index() -> str:
    """List all notes."""
    return render_template("index.html", notes=_all())


@bp.get("/api/notes")
def api() -> Response:
    """Return all notes as JSON."""
    return jsonify([dict(note) for note in _all()])


@bp.route("/create", methods=["GET", "POST"])
@login_required
def create() -> str | BaseResponse:
    """Create a note."""
    if request.method == "POST":
        if request.form["text"]:
            get_db().execute("INSERT INTO note (author_id, text) VALUES (?, ?)", (g.user["id"], request.form["text"]))
            get_db().commit()
            return redirect(url_for("notes.index"))
        flash("Write something.")
    return render_template("create.html")


@bp.post("/<int:id>/delete")
@login_required
def delete(id: int) -> BaseResponse:
    """Delete one's own note."""
    note = get_db().execute("SELECT * FROM note WHERE id = ?", (id,)).fetchone()
    if note is None:
        abort(404)
    if note["author_id"] != g.user["id"]:
        abort(403)
    get_db().execute("DELETE FROM note WHERE id = ?", (id,))
    get_db().commit()
    return redirect(url_for("notes.index"))


def _all() -> list[Any]:
    query = "SELECT note.id, text, name FROM note JOIN user ON user.id = author_id ORDER BY note.id"
    return get_db().execute(query).fetchall()
