"""Database of the application."""

from __future__ import annotations

import sqlite3

import click
from flask import Flask, current_app, g
from flask.cli import with_appcontext

SCHEMA = """
DROP TABLE IF EXISTS user;
DROP TABLE IF EXISTS note;
CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, password TEXT NOT NULL);
CREATE TABLE note (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES user (id), text TEXT NOT NULL);
"""


def get_db() -> sqlite3.Connection:
    """Return the connection of this request."""
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"])
        g.db.row_factory = sqlite3.Row
    connection: sqlite3.Connection = g.db
    return connection


def close_db(_error: BaseException | None = None) -> None:
    """Close the connection of this request."""
    connection = g.pop("db", None)
    if connection is not None:
        connection.close()


@click.command("init-db")
@with_appcontext
def init_db() -> None:
    """Create the tables."""
    get_db().executescript(SCHEMA)
    click.echo("The tables are empty.")


def init_app(app: Flask) -> None:
    """Add the command, and close connections."""
    app.teardown_appcontext(close_db)
    app.cli.add_command(init_db)
