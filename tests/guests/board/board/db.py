"""Database: models, and a session for each thread."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import Engine, ForeignKey, create_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)

sessions = scoped_session(sessionmaker())


class Base(DeclarativeBase):
    """Base of the models."""


class User(Base):
    """A member, whose key is the name."""

    __tablename__ = "members"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str | None]
    email: Mapped[str | None] = mapped_column(unique=True)
    email_confirmed: Mapped[bool] = mapped_column(default=False)
    password: Mapped[str | None]


class Topic(Base):
    """A topic, which its author can delete."""

    __tablename__ = "topics"

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str]
    author_id: Mapped[str] = mapped_column(ForeignKey(User.id))
    author: Mapped[User] = relationship()
    messages: Mapped[list[Message]] = relationship(cascade="all, delete-orphan", order_by="Message.id")


class Message(Base):
    """A message in a topic."""

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    topic_id: Mapped[int] = mapped_column(ForeignKey(Topic.id))
    author_id: Mapped[str] = mapped_column(ForeignKey(User.id))
    author: Mapped[User] = relationship()


def get_session() -> Session:
    """Return the session of this thread."""
    return sessions()


def get_engine() -> Engine:
    """Return the engine of the application."""
    engine: Engine = current_app.extensions["engine"]
    return engine


@click.command("create-tables")
@with_appcontext
def create_tables() -> None:
    """Create the tables that do not exist."""
    Base.metadata.create_all(get_engine())


def init_app(app: Flask) -> None:
    """Connect the sessions with the application's database."""
    app.extensions["engine"] = create_engine(app.config["DATABASE"])
    sessions.remove()
    sessions.configure(bind=app.extensions["engine"])
    app.teardown_appcontext(lambda _error: sessions.remove())
    app.cli.add_command(create_tables)
