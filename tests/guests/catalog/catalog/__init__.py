"""Catalog of a library: one application of the module, with Flask-SQLAlchemy, Flask-Login, CSRFProtect, a cache and a toolbar."""

from __future__ import annotations

from flask import Flask
from flask_caching import Cache
from flask_debugtoolbar import DebugToolbarExtension
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

app = Flask(__name__)
app.config.update(
    SECRET_KEY="change me",
    SQLALCHEMY_DATABASE_URI="sqlite:///catalog.sqlite",
    CACHE_TYPE="SimpleCache",
    DEBUG_TB_ENABLED=False,
    DEBUG_TB_INTERCEPT_REDIRECTS=False,
)
app.config.from_prefixed_env("CATALOG")

db = SQLAlchemy(app)
cache = Cache(app)
csrf = CSRFProtect(app)
login = LoginManager(app)
login.login_view = "login"
toolbar = DebugToolbarExtension(app)

from catalog import models, views  # noqa: E402, F401 (they need the objects above)

with app.app_context():
    db.create_all()
