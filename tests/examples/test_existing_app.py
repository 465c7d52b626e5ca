"""The example `existing-app`: passwords as before, sign-in by providers, one user for both, and the migrations."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.browser import Browser
from tests.examples.conftest import FlaskCommand

PASSWORD = "a long enough password"


@pytest.fixture(name="folder")
def _folder(copy_example: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = copy_example("existing-app")
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "recipes"]:
        del sys.modules[name]


@pytest.fixture(name="app")
def _app(folder: Path) -> Iterator[Flask]:
    recipes = importlib.import_module("recipes")
    uri = f"sqlite:///{folder / 'recipes.db'}"
    app: Flask = recipes.create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": uri})
    db = importlib.import_module("recipes.extensions").db
    with app.app_context():
        db.create_all()
    yield app
    with app.app_context():
        db.engine.dispose()


def browser_of(app: Flask) -> Browser:
    """Return a browser of the application, whose origin is that of its first request."""
    app.test_client().get("/api/auth/csrf")
    return Browser(app)


def token_on(browser: Browser, path: str) -> dict[str, str]:
    """Return the field with Flask-WTF's token of the form on this page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(path).text)
    assert found
    return {"csrf_token": found[1]}


def register(browser: Browser, capsys: pytest.CaptureFixture[str]) -> str:
    """Register as Hana with a password. Return the link that confirms the address."""
    form = {"name": "Hana", "email": "hana@example.com", "password": PASSWORD}
    assert browser.post("/register", data={**form, **token_on(browser, "/register")}).headers["Location"] == "/login"
    return capsys.readouterr().out.split()[-1]


def test_a_password_and_a_provider_lead_to_the_same_user(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    browser = browser_of(app)
    browser.get(register(browser, capsys))
    login = {"email": "hana@example.com", "password": PASSWORD, **token_on(browser, "/login")}
    assert browser.post("/login?next=/add", data=login).headers["Location"] == "/add"
    browser.post("/add", data={"title": "Soup", **token_on(browser, "/add")})
    assert "Soup, by Hana" in browser.get("/").text
    browser.post("/logout", data=token_on(browser, "/"))
    assert browser.get("/add").headers["Location"].startswith("/login")

    page = browser.get("/login?next=/add").text
    assert 'href="/api/auth/signin?callbackUrl=' in page
    browser.sign_in(callback_url="/login?next=/add")
    assert browser.get("/login?next=/add").headers["Location"] == "/add"
    session = browser.session()
    assert session is not None
    assert session["user"]["id"] == "1"
    browser.post("/add", data={"title": "Bread", **token_on(browser, "/add")})
    page = browser.get("/").text
    assert "Bread, by Hana" in page
    assert 'data-status="authenticated"' in page
    browser.post("/logout", data=token_on(browser, "/add"))
    assert browser.session() is None


def test_an_address_that_its_user_has_not_confirmed_refuses_the_sign_in(
    app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = browser_of(app)
    register(browser, capsys)
    assert "error=AccessDenied" in browser.sign_in().headers["Location"]
    assert browser.session() is None


def test_a_user_without_a_verified_address_is_refused(app: Flask) -> None:
    browser = browser_of(app)
    assert "error=AccessDenied" in browser.sign_in("Uma Unverified").headers["Location"]
    browser.sign_in("Alex Admin")
    assert "Alex Admin" in browser.get("/").text


def test_the_diff_in_the_readme_leads_from_the_application_before_to_this_one(
    folder: Path, flask: FlaskCommand
) -> None:
    """The application before runs without Genkan, and its next migration is the one that is in the example."""
    after = {path.relative_to(folder): path.read_text() for path in folder.rglob("*.*") if path.is_file()}
    [diff] = re.findall(r"```diff\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    script = folder / "migrations/versions/0002_sign_in_by_providers.py"
    generated = script.read_text()
    script.unlink()

    subprocess.run(["git", "apply", "-R"], cwd=folder, input=diff, text=True, check=True)
    assert not [path for path in folder.rglob("*.*") if path.name != "README.md" and "genkan" in path.read_text()]
    flask("--app", "recipes", "db", "upgrade")

    subprocess.run(["git", "apply"], cwd=folder, input=diff, text=True, check=True)
    flask("--app", "recipes", "db", "migrate", "-m", "Sign-in by providers", "--rev-id", "0002")
    assert operations(script.read_text()) == operations(generated)
    script.write_text(generated)
    flask("--app", "recipes", "db", "upgrade")
    flask("--app", "recipes", "db", "check")
    assert flask("--app", "recipes", "genkan", "doctor").endswith("no errors\n")
    assert {path: (folder / path).read_text() for path in after} == after


def operations(script: str) -> str:
    """Return what a migration does, however it is set."""
    return re.sub(r"[\s,]|#.*", "", script.replace('"', "'"))
