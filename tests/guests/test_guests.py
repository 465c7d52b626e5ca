"""Applications that had a life before Genkan: their own tests pass before and after the lines that add it."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from genkan.settings.environment import ROOT
from tests.browser import Browser

HERE = Path(__file__).parent

NOTES = {
    "notes/__init__.py": [
        ("from flask import Flask\n", "from flask import Flask\nfrom genkan import Genkan\n"),
        ("    return app\n", "    Genkan(app)\n    return app\n"),
    ],
    "notes/templates/base.html": [
        ("</nav>\n", "{{ user_menu() }}\n</nav>\n"),
    ],
}
"""The lines that are added to the application for notes."""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HERE / "notes", tmp_path / "guest", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture(name="patched")
def _patched(folder: Path) -> Path:
    for name, changes in NOTES.items():
        text = (folder / name).read_text()
        for before, after in changes:
            assert text.count(before) == 1
            text = text.replace(before, after)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(name="app")
def _app(patched: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.syspath_prepend(str(patched))
    app: Flask = importlib.import_module("notes").create_app({"TESTING": True})
    app.test_cli_runner().invoke(args=["init-db"])
    yield app
    for name in [name for name in sys.modules if name.partition(".")[0] == "notes"]:
        del sys.modules[name]


def run_own_tests(folder: Path) -> str:
    """Run the application's own tests. Return the last line of the output."""
    command = [
        "env",
        "-i",
        f"PYTHONPATH={folder}:{ROOT}",
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    options = ["-c", "/dev/null", "--rootdir", str(folder), "-W", "error", "tests"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[-1]


def test_the_application_s_own_tests_pass_without_genkan(folder: Path) -> None:
    assert run_own_tests(folder).startswith("18 passed")


def test_the_application_s_own_tests_pass_with_genkan(patched: Path) -> None:
    assert run_own_tests(patched).startswith("18 passed")


def test_ten_lines_are_enough() -> None:
    added = [after.count("\n") - before.count("\n") for changes in NOTES.values() for before, after in changes]
    assert sum(added) <= 10


def test_a_user_signs_in_by_a_provider_beside_the_passwords(app: Flask) -> None:
    app.test_client().get("/api/auth/csrf")
    browser = Browser(app)
    assert 'data-status="unauthenticated"' in browser.get("/").text
    browser.sign_in(callback_url="/")
    page = browser.get("/").text
    assert 'data-status="authenticated"' in page
    assert "Hana Example" in page
    assert browser.get("/create").headers["Location"] == "/auth/login"
    browser.sign_out()
    assert 'data-status="unauthenticated"' in browser.get("/").text
