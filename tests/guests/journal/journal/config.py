"""Default settings."""

from __future__ import annotations

import os


class Config:
    """Settings from the environment."""

    SECRET_KEY = os.environ.get("SECRET_KEY", "change me")
    SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URI", "sqlite:///journal.sqlite")
    POSTS_PER_PAGE = 5
