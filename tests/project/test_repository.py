"""What is in the repository: our own files and two vendored ones that are what they say, and nothing of a machine's."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from genkan.settings.environment import ROOT

MEBIBYTE = 1024 * 1024
MACHINE = re.compile(r"(?<![\w.${}])/(work|root)(?=[/\s\"'`:,;)]|$)", re.MULTILINE)
"""An absolute path of the machine on which somebody worked."""
INDEX = re.compile(
    r"(?i)(?<![\w-])--?(extra-)?index-url[ =]+\S|https?://[^\s\"']*/simple(/|\b)|registry\.(npmjs|yarnpkg)\."
)
"""Where somebody's packages came from: a mirror that others cannot reach."""
HERE = f"tests/{Path(__file__).name}"


@cache
def tracked() -> tuple[str, ...]:
    """Every path that Git knows of and that is there."""
    if not (ROOT / ".git").exists():
        pytest.fail("tests/test_repository.py reads Git's list of files: run it in a clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Where in a text file of ours that is found, as `path:line`."""
    found: list[str] = []
    for path in tracked():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content and path != HERE:
            lines = content.decode(errors="replace").splitlines()
            found += [f"{path}:{number}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    return found


def test_no_installed_package_is_in_it() -> None:
    parts = {"node_modules", ".venv", ".pythons", ".tools", "__pycache__", "instance", ".hypothesis"}

    assert [path for path in tracked() if parts & set(Path(path).parts)] == []


def test_no_file_is_larger_than_a_mebibyte() -> None:
    assert [path for path in tracked() if (ROOT / path).stat().st_size > MEBIBYTE] == []


def test_no_secrets_and_no_databases_are_in_it() -> None:
    kept = re.compile(r"(^|/)\.env(\..*)?$|\.(db|sqlite3?|pem|key)(-wal|-shm)?$")

    assert [path for path in tracked() if kept.search(path)] == []


@pytest.mark.parametrize("folder", ["static/vendor", "tests/vendor"])
def test_what_others_wrote_is_what_its_checksum_says(folder: str) -> None:
    lines = (ROOT / folder / "SHA256SUMS").read_text().splitlines()
    sums = {name: checksum for checksum, name in (line.split("  ", 1) for line in lines)}
    files = {Path(path).name for path in tracked() if Path(path).parent == Path(folder)} - {"SHA256SUMS"}

    assert set(sums) == files
    assert sums == {name: hashlib.sha256((ROOT / folder / name).read_bytes()).hexdigest() for name in files}


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert lines_with(MACHINE) == []


def test_no_file_says_where_somebodys_packages_come_from() -> None:
    assert lines_with(INDEX) == []


def rooms() -> list[str]:
    """What docs/architecture.md has to name: every module, but for rooms of which it names the door alone."""
    doors = {"flask", "sqlalchemy", "development", "providers", "adapters", "versions", "env"}
    paths = [Path(path) for path in tracked() if path.endswith(".py")]
    inside = [
        path
        for path in paths
        if path.parts[0] in {"genkan", "blueprints", "deploy", "migrations"} and path.stem != "__init__"
    ]
    named = {next((part for part in path.parts[1:] if part in doors), path.stem) for path in inside}
    return sorted(named - {"versions", "env"} | {path.stem for path in paths if len(path.parts) == 1})


@pytest.mark.parametrize("room", rooms())
def test_every_room_is_on_the_plan_of_the_house(room: str) -> None:
    plan = (ROOT / "docs/architecture.md").read_text().split("```")[1]

    assert re.search(rf"(?<![\w]){room}(?!\w)", plan), f"docs/architecture.md says nothing of {room}"


CODE = re.compile(r"(?<![\w%#&'\"./-])([CDFHLMOPRSTX])([1-9]\d?)(?:-\1([1-9]\d?))?(?![\w%])")
"""A requirement that a comment or a test names, as (C1), or several of them, as (H1-H5)."""
NO_CODE = {"X11"}
"""The window system, in the names of browsers."""
DOCUMENT = re.compile(r"(?<![\w/{}*.-])((?:[\w-]+/)*[\w-]+\.md)\b")


def named_codes(text: str) -> set[str]:
    spans = (found.groups() for found in CODE.finditer(text))
    every = {f"{letter}{n}" for letter, first, last in spans for n in range(int(first), int(last or first) + 1)}
    return every - NO_CODE


def prose() -> Iterator[tuple[str, str]]:
    """What people read in the project: its documents and its code, by path."""
    for path in tracked():
        if Path(path).suffix in {".md", ".py", ".sh", ".js", ".css", ".html"} and "vendor" not in path and path != HERE:
            yield path, (ROOT / path).read_text()


def test_every_code_that_is_used_is_explained() -> None:
    legend = set(re.findall(r"^- \*\*(\w+)\*\* ", (ROOT / "docs/requirements.md").read_text(), re.MULTILINE))
    used = {
        f"{path}: {code}" for path, text in prose() if not path.endswith(".html") for code in named_codes(text) - legend
    }

    assert sorted(used) == []


def test_every_document_that_is_named_is_there() -> None:
    documents = {path.relative_to(ROOT).as_posix() for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md")}
    near = documents | {Path(path).name for path in documents}
    missing = {f"{path}: {named}" for path, text in prose() for named in DOCUMENT.findall(text) if named not in near}

    assert sorted(missing) == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("refused (C1, O3-O5)", {"C1", "O3", "O4", "O5"}),
        ("unless it is due (S7).", {"S7"}),
        ("X11; Linux", set()),
        ("caf%C3%A9 and #F0 and RFC9110", set()),
    ],
)
def test_codes_are_found_where_they_are(text: str, codes: set[str]) -> None:
    assert named_codes(text) == codes


# Written in two pieces each, so that this file does not hold what it looks for.
@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        (MACHINE, "cd /" + "work/main", True),
        (MACHINE, 'ROOT = "/' + 'root"', True),
        (MACHINE, "see https://example.org/work/of/art and ./work/x", False),
        (MACHINE, "static/root/x, the /" + "rooted tree", False),
        (INDEX, "--index-" + "url https://mirror.example.org/simple", True),
        (INDEX, '"resolved": ' + '"https://registry.' + 'npmjs.org/x"', True),
        (INDEX, "uv pip compile --no-emit-index-url --no-header", False),
    ],
)
def test_what_is_looked_for_is_found(pattern: re.Pattern[str], line: str, found: bool) -> None:
    assert bool(pattern.search(line)) is found
