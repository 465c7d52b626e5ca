"""Pages."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from journal.extensions import db
from journal.forms import EmptyForm, PostForm, ProfileForm
from journal.models import Post, User

bp = Blueprint("main", __name__)


@bp.route("/", methods=["GET", "POST"])
def index() -> str | Response:
    """List the posts, and take a new one of the user."""
    form = PostForm()
    if request.method == "POST" and not current_user.is_authenticated:
        abort(403)
    if form.validate_on_submit():
        db.session.add(Post(text=form.text.data, author=current_user._get_current_object()))
        db.session.commit()
        flash("Your post is public.")
        return redirect(url_for("main.index"))
    query = db.select(Post).order_by(Post.written.desc(), Post.id.desc())
    posts = db.paginate(query, per_page=current_app.config["POSTS_PER_PAGE"], error_out=False)
    return render_template("index.html", form=form, posts=posts, delete=EmptyForm())


@bp.get("/writer/<name>")
def writer(name: str) -> str:
    """Show a writer."""
    user = db.first_or_404(db.select(User).filter_by(name=name))
    return render_template("writer.html", writer=user)


@bp.route("/profile", methods=["GET", "POST"])
@login_required
def profile() -> str | Response:
    """Edit the text about oneself."""
    form = ProfileForm(obj=current_user)
    if form.validate_on_submit():
        current_user.about = form.about.data
        db.session.commit()
        flash("Saved.")
        return redirect(url_for("main.writer", name=current_user.name))
    return render_template("profile.html", form=form)


@bp.post("/post/<int:id>/delete")
@login_required
def delete(id: int) -> Response:
    """Delete one's own post."""
    post = db.get_or_404(Post, id)
    if post.author != current_user:
        abort(403)
    if not EmptyForm().validate_on_submit():
        abort(400)
    db.session.delete(post)
    db.session.commit()
    return redirect(url_for("main.index"))
