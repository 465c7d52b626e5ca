"""Packages that an application need not have, and what an import of the package imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from genkan.settings.environment import ROOT

HEAVY = {"sqlalchemy", "alembic", "requests", "urllib3", "joserfc", "cryptography", "cachelib", "redis", "flask_login"}

REFUSED = ("sqlalchemy", "alembic", "redis", "flask_login", "flask_caching")

WITHOUT = f"""
import json, sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {REFUSED}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refused())

from flask import Flask, render_template_string
from genkan import Genkan, testing

app = Flask(__name__)
app.testing = True
Genkan(app, database=None, strict=True)
app.add_url_rule("/", "front", lambda: render_template_string("{{{{ auth().user.name }}}}{{{{ current_user }}}}"))
client = app.test_client()
refused = client.get("/").status_code
testing.sign_in(app, client, name="Ada")
print(json.dumps([refused, client.get("/").text]))
"""

OAUTH = {"genkan.oauth.client", "genkan.oauth.logout", "genkan.dev_provider.endpoints", "authlib.oauth2", "requests"}

SIGN_IN = """
import json, secrets, sys
from flask import Flask
from genkan import Genkan, auth

app = Flask(__name__)
app.testing = True
github = {"AUTH_GITHUB_ID": "id", "AUTH_GITHUB_SECRET": secrets.token_hex()}
Genkan(app, AUTH_URL="https://app.example.com", AUTH_SECRET=secrets.token_hex(), AUTH_DEVELOPMENT_PROVIDER="off", **github)
app.add_url_rule("/", "front", lambda: str(auth()))
client = app.test_client()
assert client.get("/", base_url="https://app.example.com").text == "None"
assert client.get("/api/auth/signin", base_url="https://app.example.com").status_code == 200
before = [*sys.modules]
token = client.get("/api/auth/csrf", base_url="https://app.example.com").get_json()["csrfToken"]
answer = client.post("/api/auth/signin/github", data={"csrfToken": token}, base_url="https://app.example.com")
assert answer.location.startswith("https://github.com/login/oauth/authorize?"), answer.location
print(json.dumps([before, [*sys.modules]]))
"""


def run(code: str, folder: Path) -> Any:
    command = [sys.executable, "-W", "error", "-c", code]
    environ = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_import_of_the_package_imports_nothing_that_takes_long(tmp_path: Path) -> None:
    """`bench/extension.py` measures the time. The rest is imported with the first request that needs it."""
    modules = run("import genkan, json, sys; print(json.dumps([*sys.modules]))", tmp_path)
    assert HEAVY & set(modules) == set()
    assert {"authlib.oauth2", "genkan.oauth.client"} & set(modules) == set()


def test_strict_works_without_flask_login_and_has_no_current_user(tmp_path: Path) -> None:
    assert run(WITHOUT, tmp_path) == [303, "Ada"]


def test_code_for_providers_is_imported_at_the_first_sign_in(tmp_path: Path) -> None:
    at_request, at_sign_in = run(SIGN_IN, tmp_path)
    assert OAUTH & set(at_request) == set()
    assert {"genkan.oauth.client", "authlib.oauth2"} <= set(at_sign_in)
