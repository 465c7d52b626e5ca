"""Posts as JSON."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, jsonify, request
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from journal.extensions import db
from journal.models import Post, User

bp = Blueprint("api", __name__)


def _tokens() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], "api")


def to_json(post: Post) -> dict[str, Any]:
    """Return a post as JSON."""
    return {"id": post.id, "text": post.text, "author": post.author.name}


@bp.get("/posts")
def posts() -> Response:
    """Return all posts."""
    return jsonify([to_json(post) for post in db.session.scalars(db.select(Post).order_by(Post.id))])


@bp.post("/token")
def token() -> Response:
    """Return a token for name and password, sent by HTTP's basic scheme."""
    login = request.authorization
    user = db.session.scalar(db.select(User).filter_by(name=login.username)) if login else None
    if user is None or login is None or not user.check_password(login.password or ""):
        abort(401)
    return jsonify(token=_tokens().dumps(user.id))


@bp.post("/posts")
def create() -> tuple[Response, int]:
    """Publish a post with a token."""
    try:
        id = _tokens().loads(request.authorization.token if request.authorization else "", 3600)
    except BadSignature:
        abort(401)
    text = request.get_json().get("text")
    if not text:
        abort(400)
    post = Post(text=text, author=db.get_or_404(User, id))
    db.session.add(post)
    db.session.commit()
    return jsonify(to_json(post)), 201


@bp.get("/me")
def me() -> Response:
    """Return the user of the session cookie."""
    return jsonify(current_user.name if current_user.is_authenticated else None)
