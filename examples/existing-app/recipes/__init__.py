"""Recipes: users register with a password, confirm their address, and publish recipes."""

from flask import Flask

from recipes import auth, pages
from recipes.accounts import accounts
from recipes.extensions import csrf, db, login_manager, migrate


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(SECRET_KEY="development", SQLALCHEMY_DATABASE_URI="sqlite:///recipes.db")
    app.config.from_prefixed_env()
    app.config.from_mapping(config)
    db.init_app(app)
    migrate.init_app(app, db)
    login_manager.init_app(app)
    csrf.init_app(app)
    accounts.init_app(app)
    app.register_blueprint(auth.bp)
    app.register_blueprint(pages.bp)
    return app
