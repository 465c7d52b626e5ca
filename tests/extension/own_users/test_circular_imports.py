"""`Genkan(app, user="shop.models:User")` in a package whose modules import the application from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from genkan.settings.environment import ROOT

PACKAGE = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from genkan import Genkan

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
db = SQLAlchemy(app)
{before}
accounts = Genkan(app, db=db, user="shop{module}:User")
{after}
"""

MODELS = """
class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
"""


@pytest.mark.parametrize(
    ("module", "before", "after"),
    [
        (".models", "", "import shop.models"),
        ("", MODELS, ""),
        ("", "", MODELS),
    ],
)
def test_the_tables_are_there_when_the_package_is(tmp_path: Path, module: str, before: str, after: str) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text(PACKAGE.format(module=module, before=before, after=after))
    (tmp_path / "shop/models.py").write_text(f"from shop import accounts, db\n{MODELS}")
    program = "import shop; print(*sorted(shop.db.metadata.tables))"
    command = ["env", "-i", f"PYTHONPATH={tmp_path}:{ROOT}", sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert {"user", "genkan_users", "genkan_sessions"} <= set(done.stdout.split())
