"""The documents' snippets run, each in an application of its own. Tests of their subjects check what they do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Blueprint, Flask

import genkan
from genkan import callbacks, types
from genkan.core import Pages

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPETS = [
    pytest.param(snippet, id=f"{document.name}-{number}")
    for document in DOCUMENTS
    # A module of its own name, which tests/extension/own_users/test_documentation.py imports and tests.
    if document.name != "users.md"
    for number, snippet in enumerate(re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL))
]


def names_for(app: Flask) -> dict[str, Any]:
    """Return the names that the text around a snippet has introduced."""
    names: dict[str, Any] = {**vars(flask), **vars(callbacks), **vars(types), **vars(genkan)}
    bp = Blueprint("documented", __name__)
    return {**names, "app": app, "bp": bp, "accounts": genkan.Genkan(), "Pages": Pages, "__name__": "documented"}


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_runs_and_its_application_starts(
    snippet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = Flask("documented", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    names = names_for(app)
    code = compile(snippet, "snippet", "exec", dont_inherit=True)
    exec(code, names)  # noqa: S102 (a snippet of our own documents)
    app = names["create_app"]() if "create_app" in names else names["app"]
    app.testing = True
    if "genkan" not in app.extensions:
        names["accounts"].init_app(app)
        for blueprint in {value for value in names.values() if isinstance(value, Blueprint)}:
            app.register_blueprint(blueprint)
    assert app.test_client().get("/api/auth/session").get_json() is None


def test_every_document_is_searched() -> None:
    assert {document.name for document in DOCUMENTS} >= {"README.md", "sessions.md", "api.md", "users.md"}
    assert len(SNIPPETS) > 15
