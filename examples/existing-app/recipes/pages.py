"""The list of recipes, and the form for a new one."""

from flask import Blueprint, redirect, render_template, url_for
from flask_login import current_user, login_required

from recipes.extensions import db
from recipes.forms import RecipeForm
from recipes.models import Recipe

bp = Blueprint("pages", __name__)


@bp.get("/")
def index():
    recipes = db.session.scalars(db.select(Recipe).order_by(Recipe.id.desc())).all()
    return render_template("index.html", recipes=recipes)


@bp.route("/add", methods=["GET", "POST"])
@login_required
def add():
    form = RecipeForm()
    if form.validate_on_submit():
        db.session.add(Recipe(title=form.title.data, author_id=current_user.id))
        db.session.commit()
        return redirect(url_for("pages.index"))
    return render_template("add.html", form=form)
