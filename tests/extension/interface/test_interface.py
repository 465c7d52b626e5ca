"""The public names, and the application and the tests of the reference."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from werkzeug.local import LocalProxy

import genkan
from genkan.settings.environment import ROOT
from genkan.web.context import load_user
from tests.docs.blocks import blocks_of

SNIPPETS = [
    block.text
    for name in ("reference/access.md", "reference/testing.md")
    for block in blocks_of(ROOT / "docs" / name)
    if block.language == "python"
]
TWO_LINES = [
    block.text
    for block in blocks_of(ROOT / "docs/how-to/change-the-looks.md")
    if block.file == "templates/genkan/layout.html"
]


@pytest.mark.parametrize("name", genkan.__all__)
def test_each_name_has_a_docstring_of_its_own(name: str) -> None:
    value = getattr(genkan, name)
    text = load_user.__doc__ if type(value) is LocalProxy else value.__doc__
    # A dataclass without a docstring gets its signature.
    assert text
    assert not text.startswith(f"{name}(")
    assert text[0].isupper()


def test_the_names_are_sorted() -> None:
    assert genkan.__all__ == sorted(genkan.__all__)


def test_what_is_imported_by_the_package_and_public_is_in_all() -> None:
    public = {name for name, value in vars(genkan).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(genkan.__all__)


def test_the_snippets_run(tmp_path: Path) -> None:
    """The tests of the reference pass for the application of the reference."""
    application, uploads, tests = SNIPPETS
    (tmp_path / "shop.py").write_text(application + uploads)
    fixture = """
import pytest
from flask import request
from shop import create_app, uploads

uploads.add_url_rule("/", view_func=lambda: str(request.max_content_length), methods=["POST"])

@pytest.fixture
def app():
    app = create_app()
    app.testing = True
    app.config["MAX_CONTENT_LENGTH"] = 1000
    app.register_blueprint(uploads)
    return app

def test_marks(app):
    client = app.test_client()
    statuses = [client.get("/admin/help"), client.post("/hooks/payment"), client.get("/admin/")]
    assert [response.status_code for response in statuses] == [200, 200, 303]
    assert client.post("/uploads/").text == str(50 * 1024 * 1024)

"""
    (tmp_path / "test_shop.py").write_text(fixture + tests)
    plugins = [] if _is_installed() else ["-p", "genkan.testing.plugin"]
    command = [
        "env",
        "-i",
        f"PYTHONPATH={ROOT}:{tmp_path}",
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        *plugins,
    ]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert "3 passed" in run.stdout, run.stdout + run.stderr


def _is_installed() -> bool:

    return any(point.value == "genkan.testing.plugin" for point in entry_points(group="pytest11"))


def test_the_layout_of_two_lines_is_the_one_that_is_tested() -> None:
    tested = (ROOT / "tests/extension/interface/test_templates.py").read_text()
    (lines,) = TWO_LINES
    assert lines.count("\n") == 2
    assert repr(lines) in tested
