"""Applications with users of their own: by Flask-SQLAlchemy and plain SQLAlchemy, with keys of three types."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Boolean, Column, Engine, Integer, String, Uuid, create_engine
from sqlalchemy.orm import DeclarativeBase, scoped_session, sessionmaker

from genkan import Genkan
from tests.browser import Browser

KEYS: dict[str, Callable[[], Column[Any]]] = {
    "integer": lambda: Column(Integer, primary_key=True),
    "uuid": lambda: Column(Uuid, primary_key=True, default=uuid.uuid4),
    "text": lambda: Column(String(40), primary_key=True, default=lambda: f"user-{uuid.uuid4().hex}"),
}
"""Types of primary keys."""

LIBRARIES = ("flask-sqlalchemy", "sqlalchemy")


@dataclass
class Shop:
    """One application with its class of users."""

    app: Flask
    accounts: Genkan
    User: Any
    session: Any
    engine: Callable[[], Engine]

    @contextmanager
    def context(self) -> Iterator[Any]:
        """Open an application context, and return the application's session."""
        with self.app.app_context():
            yield self.session
            self.session.remove()

    def users(self) -> list[Any]:
        """Return the application's users in the order of their names."""
        with self.context() as session:
            users: list[Any] = session.query(self.User).order_by(self.User.name).all()
            session.expunge_all()
        return users

    def browser(self) -> Browser:
        """Return a new browser, after the first request."""
        self.app.test_client().get("/api/auth/csrf")
        return Browser(self.app)


def _columns(key: str) -> dict[str, Any]:
    return {
        "__tablename__": "user",
        "id": KEYS[key](),
        "name": Column(String(80), nullable=False),
        "email": Column(String(120), unique=True),
        "email_confirmed": Column(Boolean, default=False, nullable=False),
        "is_staff": Column(Boolean, default=False, nullable=False),
        "is_active": Column(Boolean, default=True, nullable=False),
    }


def make_shop(
    folder: Path, url: str, *, library: str = "flask-sqlalchemy", key: str = "integer", **settings: Any
) -> Shop:
    """Return an application whose tables exist. Further keywords are those of `Genkan`."""
    app = Flask("shop", root_path=str(folder), instance_path=str(folder / "instance"))
    app.testing = True
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    shop = (
        _flask_sqlalchemy(app, key, settings) if library == "flask-sqlalchemy" else _sqlalchemy(app, url, key, settings)
    )

    @shop.accounts.new_user
    def new_user(identity: Any) -> Any:
        return shop.User(name=identity.name, email=identity.email)

    return shop


def _flask_sqlalchemy(app: Flask, key: str, settings: dict[str, Any]) -> Shop:
    db = SQLAlchemy()
    db.init_app(app)
    user: Any = type("User", (db.Model,), _columns(key))
    accounts = Genkan(db=db, user=user, **settings)
    accounts.init_app(app)
    with app.app_context():
        db.create_all()
    return Shop(app, accounts, user, db.session, lambda: db.engine)


def _sqlalchemy(app: Flask, url: str, key: str, settings: dict[str, Any]) -> Shop:
    base: Any = type("Base", (DeclarativeBase,), {})
    user: Any = type("User", (base,), _columns(key))
    engine = create_engine(url)
    session = scoped_session(sessionmaker(engine))
    accounts = Genkan(app, engine=engine, metadata=base.metadata, user=lambda: user, session=session, **settings)
    base.metadata.create_all(engine)

    @app.teardown_appcontext
    def _remove(error: BaseException | None) -> None:
        session.remove()

    return Shop(app, accounts, user, session, lambda: engine)
