"""Every code block of the documents is run, rendered or parsed. CONTRIBUTING.md has the rules for authors."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Blueprint, Flask

import genkan
from genkan import callbacks, types
from genkan.core import Pages
from genkan.settings.environment import ROOT
from tests.docs.blocks import DOCUMENTS, Block, blocks_in, blocks_of, name_of
from tests.docs.checks import CHECKS, Check
from tests.docs.page_runner import PageRunner, check_output, commands

BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]
SNIPPETS = [block for block in BLOCKS if block.language == "python" and block.file is None]
PAGES = [
    pytest.param(document, id=name_of(document), marks=pytest.mark.xdist_group(name_of(document)))
    for document in DOCUMENTS
    if any(block.language == "sh" or block.file for block in blocks_of(document))
]
"""Documents with commands or files. Each may run in a process of its own, since several start servers."""


def by_place(blocks: list[Block]) -> list[Any]:
    return [pytest.param(block, id=block.place) for block in blocks]


@pytest.fixture(scope="module", name="package")
def _package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the package as it is installed: the unpacked wheel of this tree."""
    folder = tmp_path_factory.mktemp("package")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("document", PAGES)
def test_the_files_and_commands_of_a_page_run_in_an_empty_folder(document: Path, tmp_path: Path, package: Path) -> None:
    with PageRunner(tmp_path, package) as runner:
        runner.run(blocks_of(document))


def names_for(app: Flask) -> dict[str, Any]:
    """Return the names that the text around a snippet has introduced."""
    names: dict[str, Any] = {**vars(flask), **vars(callbacks), **vars(types), **vars(genkan)}
    bp = Blueprint("documented", __name__)
    return {**names, "app": app, "bp": bp, "accounts": genkan.Genkan(), "Pages": Pages, "__name__": "documented"}


@pytest.mark.parametrize("snippet", by_place(SNIPPETS))
def test_a_snippet_runs_and_its_application_starts(
    snippet: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = Flask("documented", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    names = names_for(app)
    code = compile(snippet.text, snippet.place, "exec", dont_inherit=True)
    exec(code, names)  # noqa: S102 (a snippet of our own documents)
    app = names["create_app"]() if "create_app" in names else names["app"]
    app.testing = True
    if "genkan" not in app.extensions:
        names["accounts"].init_app(app)
        for blueprint in {value for value in names.values() if isinstance(value, Blueprint)}:
            app.register_blueprint(blueprint)
    assert app.test_client().get("/api/auth/session").get_json() is None


@pytest.mark.parametrize(
    "block", by_place([block for block in BLOCKS if block.file or block.language not in {"python", "sh", "text"}])
)
def test_a_block_is_valid_in_its_language(block: Block, tmp_path: Path) -> None:
    assert block.language in CHECKS, f"{block.place}: no test runs {block.language or 'a block without a language'}"
    check: Check = CHECKS[block.language]
    check(block, tmp_path)


def test_every_document_is_searched() -> None:
    assert {"README.md", "docs/index.md", "docs/reference/index.md"} <= {name_of(path) for path in DOCUMENTS}
    assert len(SNIPPETS) > 10


BLOCK = Block(ROOT / "README.md", 1, "sh", "")


def test_a_command_that_fails_is_reported_with_its_place(tmp_path: Path, package: Path) -> None:
    with PageRunner(tmp_path, package) as runner:
        runner.execute(BLOCK, "false  # exits with 1")
        runner.execute(BLOCK, "export WHO=ada")
        assert runner.execute(BLOCK, "echo $WHO") == "ada\n"
        with pytest.raises(AssertionError, match=r"^README\.md:1: flask --version --no\nexits with 2"):
            runner.execute(BLOCK, "flask --version --no")


def test_blocks_have_their_file_language_and_line() -> None:
    document = ROOT / "README.md"
    text = "<!-- run: one -->\n<!-- run: two -->\n\n<!-- file: app.py -->\n```python\na\n```\n"
    text += "```{note}\n:class: x\n\n~~~sh\nb\n~~~\n```\n:::{code-block} toml\n:caption: x.toml\n\nc = 1\n:::\n"
    found = [(block.line, block.language, block.text, block.file) for block in blocks_in(document, text)]
    assert found == [
        (1, "sh", "one\n", None),
        (2, "sh", "two\n", None),
        (5, "python", "a\n", "app.py"),
        (11, "sh", "b\n", None),
        (15, "toml", "c = 1\n", "x.toml"),
    ]


def test_output_is_compared_line_by_line() -> None:
    check_output(BLOCK, "one …\nthree\n", "one two\nand three\n")
    with pytest.raises(AssertionError, match=r"README\.md:1: the output has no line\n  one"):
        check_output(BLOCK, "three\none\n", "one two\nand three\n")


def test_a_command_may_have_several_lines() -> None:
    assert commands("a \\\n  b\n\n# comment\nc\n") == ["a    b", "c"]
