"""Flask-Migrate keeps to the application's own tables while Genkan has a database of its own.

Tables in the application's database, and in its history, are tested with a whole application in `tests/guests`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine, inspect

from genkan.settings.environment import ROOT
from tests.extension.neighbours.conftest import MakeHost, check_sign_in

SHOP = """from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from genkan import Genkan

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///shop.sqlite"
Genkan(app)
db = SQLAlchemy(app)
Migrate(app, db)

class Order(db.Model):
    id = db.Column(db.Integer, primary_key=True)
"""


def test_a_user_signs_in_and_out(make_host: MakeHost) -> None:
    db = SQLAlchemy()

    def add(app: Flask) -> None:
        db.init_app(app)
        Migrate(app, db)

    check_sign_in(make_host(add, {"SQLALCHEMY_DATABASE_URI": "sqlite://"}))


def test_a_migration_has_the_application_s_tables_only(tmp_path: Path) -> None:
    """Also after `flask genkan upgrade`. No command of Flask-Migrate needs a setting of ours."""
    (tmp_path / "shop.py").write_text(SHOP)
    for command in ("genkan upgrade", "db init", "db migrate", "db upgrade", "db check"):
        flask = ["env", "-i", f"PYTHONPATH={tmp_path}:{ROOT}", sys.executable, "-m", "flask", "--app", "shop"]
        done = subprocess.run([*flask, *command.split()], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    scripts = [path.read_text() for path in (tmp_path / "migrations/versions").glob("*.py")]
    assert ["genkan" in script for script in scripts] == [False]
    engine = create_engine(f"sqlite:///{tmp_path / 'instance/shop.sqlite'}")
    assert set(inspect(engine).get_table_names()) == {"alembic_version", "order"}
    engine.dispose()
    assert (tmp_path / "instance/genkan.db").exists()
