"""Copy of the project with a minimal WSGI app, to test the production server apart from the application."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from genkan.settings.environment import ROOT
from tests.servers.process import free_port
from tests.servers.server import SERVE, alone

GOOD = {"AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-", "AUTH_URL": "https://app.example.test"}

FOLDERS = ("deploy", "genkan")
"""Folders that the server needs."""

APP = """
import os, pathlib, time

def create_app(environment=None):
    pathlib.Path("created").touch()
    return application

def application(environ, start_response):
    if environ["PATH_INFO"] == "/held":
        with open("held", "a") as held:
            print("held", file=held)
        while not pathlib.Path("released").exists():
            time.sleep(0.01)
    environ["wsgi.input"].read()
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    body = repr({**seen, "mode": oct(os.umask(0o077)), "process": str(os.getpid())}).encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    if environ["PATH_INFO"].startswith("/static/"):
        headers.append(("Cache-Control", "public, max-age=60"))
    start_response("200 OK", headers)
    return [body]
"""

MIGRATIONS_PATH = "genkan/adapters/sqlalchemy/migrations/__init__.py"

MIGRATIONS = """
def upgrade(url):
    with open("migrated", "a") as log:
        print(url, file=log)
"""


def build(root: Path) -> Path:
    """Copy the folders to `root`, with replacements for the app and its migrations."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "app.py").write_text(APP)
    (root / MIGRATIONS_PATH).write_text(MIGRATIONS)
    return root


def command(root: Path, **settings: str) -> list[str]:
    """Return the command that serves `root` with GOOD and these settings, without the environment of the tests."""
    environ = {"PATH": os.environ["PATH"], **GOOD, "PORT": str(free_port()), **settings}
    return alone(SERVE, environ, root)
