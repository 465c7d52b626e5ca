"""Topics and messages."""

from __future__ import annotations

from flask import Blueprint, abort, g, jsonify, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from board.auth import require_user
from board.db import Message, Topic, get_session

bp = Blueprint("topics", __name__, static_folder="scripts", static_url_path="/topics/static")


def _topic(id: int) -> Topic:
    return get_session().get(Topic, id) or abort(404)


@bp.get("/")
def index() -> str:
    """List the topics that contain a word. A fragment for the search field."""
    word = request.args.get("q", "")
    found = get_session().scalars(select(Topic).where(Topic.subject.contains(word)).order_by(Topic.id))
    return render_template("index.html", topics=found, word=word)


@bp.get("/topics.json")
def as_json() -> Response:
    """Return all topics as JSON."""
    topics = get_session().scalars(select(Topic).order_by(Topic.id))
    return jsonify([{"subject": topic.subject, "author": topic.author_id} for topic in topics])


@bp.post("/topics")
def create() -> Response:
    """Begin a topic."""
    topic = Topic(subject=request.form["subject"] or abort(400), author=require_user())
    get_session().add(topic)
    get_session().commit()
    return redirect(url_for("topics.show", id=topic.id))


@bp.get("/topics/<int:id>")
def show(id: int) -> str:
    """Show a topic."""
    return render_template("topic.html", topic=_topic(id))


@bp.post("/topics/<int:id>")
def reply(id: int) -> str | Response:
    """Add a message. Return the list of messages as a fragment, or lead to the page."""
    topic = _topic(id)
    topic.messages.append(Message(text=request.form["text"], author=require_user()))
    get_session().commit()
    if "HX-Target" in request.headers:
        return render_template("_messages.html", topic=topic)
    return redirect(url_for("topics.show", id=id))


@bp.post("/topics/<int:id>/delete")
def delete(id: int) -> Response:
    """Delete one's own topic."""
    topic = _topic(id)
    if topic.author != require_user():
        abort(403)
    get_session().delete(topic)
    get_session().commit()
    return redirect(url_for("topics.index"))


@bp.app_context_processor
def add_greeting() -> dict[str, str]:
    """Add what every page says at its top."""
    user = g.get("user")
    return {"greeting": f"Welcome, {user.title or user.id}" if user else "Welcome"}
