"""Applications with users of their own: by Flask-SQLAlchemy and plain SQLAlchemy, with keys of three types."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Boolean, Column, Connection, Engine, Integer, String, Uuid, create_engine, text
from sqlalchemy.orm import DeclarativeBase, scoped_session, sessionmaker

from genkan import Genkan, current_user
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
    Base: Any = None
    """The base of the application's classes."""
    change_is_hidden: bool = False
    """True while the application's session hides staff."""

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

    def add_user(self, **values: Any) -> Any:
        """Add a user of the application without a sign-in, and return the primary key."""
        with self.context() as session:
            user = self.User(**values)
            session.add(user)
            session.commit()
            return user.id

    def change(self, **values: Any) -> None:
        """Change the application's only user."""
        with self.context() as session:
            user = session.query(self.User).one()
            for name, value in values.items():
                setattr(user, name, value)
            session.commit()

    def stored_ids(self) -> list[str]:
        """Return the ids of our users."""
        with self.engine_context() as connection:
            return list(connection.execute(text("SELECT id FROM genkan_users")).scalars())

    @contextmanager
    def engine_context(self) -> Iterator[Connection]:
        """Open a connection of the application's engine."""
        with self.app.app_context(), self.engine().begin() as connection:
            yield connection

    def current_user_id(self, client: Browser) -> str | None:
        """Return the primary key, as text, of the `current_user` in a request of this client."""
        user_id: str | None = client.get("/me").get_json()
        return user_id


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
    folder: Path,
    url: str,
    *,
    library: str = "flask-sqlalchemy",
    key: str = "integer",
    with_users: bool = True,
    without: Collection[str] = (),
    table: str = "user",
    **settings: Any,
) -> Shop:
    """Return an application whose tables exist. Further keywords are those of `Genkan`."""
    app = Flask("shop", root_path=str(folder), instance_path=str(folder / "instance"))
    app.testing = True
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    columns = _columns(key) | {"__tablename__": table}
    columns = {name: column for name, column in columns.items() if name not in without}
    if library == "sqlalchemy":
        shop = _sqlalchemy(app, url, columns, settings)
    else:
        shop = _flask_sqlalchemy(app, columns, settings, with_users=with_users)
    if not with_users:
        return shop

    @app.get("/me")
    def me() -> Response:
        own_user = shop.accounts.current_user
        assert bool(current_user) is (own_user is not None)
        if own_user is None:
            return jsonify(None)
        assert shop.session.get(shop.User, own_user.id) is own_user
        return jsonify(str(current_user.id))

    @shop.accounts.new_user
    def new_user(identity: Any) -> Any:
        return shop.User(name=identity.name, email=identity.email)

    return shop


def _flask_sqlalchemy(app: Flask, columns: dict[str, Any], settings: dict[str, Any], *, with_users: bool) -> Shop:
    db = SQLAlchemy()
    db.init_app(app)
    user: Any = type("User", (db.Model,), columns)
    accounts = Genkan(db=db, user=user if with_users else None, **settings)
    accounts.init_app(app)
    with app.app_context():
        db.create_all()
    return Shop(app, accounts, user, db.session, lambda: db.engine)


def _sqlalchemy(app: Flask, url: str, columns: dict[str, Any], settings: dict[str, Any]) -> Shop:
    base: Any = type("Base", (DeclarativeBase,), {})
    user: Any = type("User", (base,), columns)
    engine = create_engine(url)
    session = scoped_session(sessionmaker(engine))
    accounts = Genkan(app, engine=engine, metadata=base.metadata, user=lambda: user, session=session, **settings)
    base.metadata.create_all(engine)

    @app.teardown_appcontext
    def _remove(error: BaseException | None) -> None:
        session.remove()

    return Shop(app, accounts, user, session, lambda: engine, base)
