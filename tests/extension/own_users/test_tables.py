"""Our tables in the application's database: its own migrations create them, and nothing of it is changed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Integer, MetaData, String, create_engine, inspect

import genkan
from genkan import Genkan
from genkan.adapters.own_users import UserHooks
from genkan.errors import ConfigurationError
from genkan.settings.environment import ROOT
from tests.extension.own_users.conftest import MakeShop, client_of
from tests.extension.own_users.shops import Shop
from tests.servers.faulty.provider import FaultyProvider

MIGRATED = """
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from genkan import Genkan

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "{url}"
db = SQLAlchemy(app)
Migrate(app, db)
accounts = Genkan(app, db=db, user="shop:User")


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80))


@accounts.new_user
def new_user(identity):
    return User(name=identity.name)
"""

TABLES = {
    "genkan_users",
    "genkan_accounts",
    "genkan_sessions",
    "genkan_revocations",
    "genkan_activity",
    "genkan_used_tokens",
    "genkan_purges",
    "genkan_verification_tokens",
    "genkan_verifications",
    "genkan_passwords",
    "genkan_outbox",
    "genkan_limits",
    "genkan_authenticators",
    "genkan_passkey_handles",
    "genkan_totp",
    "genkan_recovery_codes",
    "genkan_trusted_devices",
    "genkan_pending_sign_ins",
}


def flask(folder: Path, *arguments: str) -> str:
    """Run a command of Flask for the application in this folder, and return what it prints."""
    command = [sys.executable, "-m", "flask", "--app", "shop", *arguments]
    environment = {"PYTHONPATH": f"{folder}:{ROOT}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_application_s_migrations_create_the_tables(tmp_path: Path, url: str) -> None:
    (tmp_path / "shop.py").write_text(MIGRATED.replace("{url}", url))
    flask(tmp_path, "db", "init")
    flask(tmp_path, "db", "migrate", "-m", "Add sign-in")
    [script] = (tmp_path / "migrations/versions").glob("*.py")
    assert "genkan." not in script.read_text()
    flask(tmp_path, "db", "upgrade")
    assert "No changes in schema detected" in flask(tmp_path, "db", "migrate")
    engine = create_engine(url)
    assert set(inspect(engine).get_table_names()) == TABLES | {"user", "alembic_version"}
    engine.dispose()


def test_every_name_begins_with_genkan(shop: Shop) -> None:
    with shop.engine_context() as connection:
        inspector = inspect(connection)
        assert set(inspector.get_table_names()) == TABLES | {"user"}
        names = {index["name"] or "" for table in TABLES for index in inspector.get_indexes(table)}
    assert {name for name in names if "genkan_" not in name and not name.startswith("sqlite_")} == set()


def test_the_application_s_table_is_not_changed(shop: Shop) -> None:
    with shop.engine_context() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("user")}
    assert columns == {"id", "name", "email", "email_confirmed", "is_staff", "is_active"}


def test_the_files_of_the_default_database_are_not_created(shop: Shop, op: FaultyProvider) -> None:
    client_of(shop, op).sign_in_as()
    assert not (Path(shop.app.instance_path) / "genkan.db").exists()


def test_two_applications_of_one_process_share_the_application_s_metadata(tmp_path: Path) -> None:
    db = SQLAlchemy()
    user: Any = type("User", (db.Model,), {"id": Column(Integer, primary_key=True), "name": Column(String(80))})
    accounts = Genkan(db=db, user=user)
    accounts.new_user(lambda identity: user(name=identity.name))
    for number in range(2):
        app = Flask(f"shop{number}", instance_path=str(tmp_path))
        app.testing = True
        app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/{number}.db"
        db.init_app(app)
        accounts.init_app(app)
        with app.app_context():
            db.create_all()
            genkan.check(app)
            db.engine.dispose()


def make_app(tmp_path: Path) -> Flask:
    """Return an application in debug mode."""
    app = Flask("shop", instance_path=str(tmp_path))
    app.testing = True
    return app


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"user": object}, "Give db="),
        ({"engine": create_engine("sqlite://")}, "metadata="),
        ({"db": object()}, "Flask-SQLAlchemy"),
        ({"engine": create_engine("sqlite://"), "metadata": MetaData(), "user": object}, "session="),
    ],
)
def test_a_keyword_that_is_missing_is_named(tmp_path: Path, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Genkan(make_app(tmp_path), **keywords)


def test_a_class_without_a_hook_is_refused(make: MakeShop) -> None:
    shop = make()
    shop.accounts.user_hooks = UserHooks()
    with pytest.raises(ConfigurationError, match="new_user"):
        genkan.check(shop.app)


def test_a_hook_without_a_class_is_refused(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    Genkan(app).new_user(lambda _: None)
    with pytest.raises(ConfigurationError, match="user="):
        genkan.check(app)


def test_a_hook_that_comes_too_late_is_refused(shop: Shop, op: FaultyProvider) -> None:
    client_of(shop, op)
    with pytest.raises(ConfigurationError, match="first request"):
        shop.accounts.role(lambda _: "admin")


@pytest.mark.parametrize("url", ["mysql+pymysql://user@host/shop", "mariadb+pymysql://user@host/shop"])
def test_mysql_is_refused_in_one_sentence(tmp_path: Path, url: str) -> None:
    app = make_app(tmp_path)
    Genkan(app, GENKAN_DATABASE_URL=url)
    with pytest.raises(ConfigurationError, match=r"^GENKAN_DATABASE_URL: MySQL and MariaDB are not supported"):
        genkan.check(app)


def test_an_engine_of_mysql_is_refused(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    # No driver of MySQL is installed, and none is used.
    Genkan(app, engine=create_engine("mysql+pymysql://user@host/shop", module=sqlite3), metadata=MetaData())
    with pytest.raises(ConfigurationError, match="MySQL"):
        genkan.check(app)
