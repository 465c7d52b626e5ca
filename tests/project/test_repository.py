"""Files of the repository: no installed packages, secrets, machine paths or registry URLs, and unchanged vendored files."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import brotli
import pytest

from genkan.settings.environment import ROOT
from genkan.web.static_files import COMPRESSED, version_of
from scripts.compress_static import FOLDER, sources

MEBIBYTE = 1024 * 1024
MACHINE = re.compile(r"(?<![\w.${}])/(work|root)(?=[/\s\"'`:,;)]|$)", re.MULTILINE)
"""Absolute path of a developer's machine."""
INDEX = re.compile(
    r"(?i)(?<![\w-])--?(extra-)?index-url[ =]+\S|https?://[^\s\"']*/simple(/|\b)|registry\.(npmjs|yarnpkg)\."
)
"""URL of a package index or mirror, which other machines may not reach."""
THIS_FILE = Path(__file__).resolve().relative_to(ROOT).as_posix()


@cache
def tracked() -> tuple[str, ...]:
    """Return the paths of all tracked files that exist."""
    if not (ROOT / ".git").exists():
        pytest.fail(
            "tests/project/test_repository.py reads the list of tracked files. Run it in a clone of the repository."
        )
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Return the lines of tracked text files that match, as `path:line`."""
    found: list[str] = []
    for path in tracked():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content and path != THIS_FILE:
            lines = content.decode(errors="replace").splitlines()
            found += [f"{path}:{number}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    return found


def test_no_installed_package_is_tracked() -> None:
    parts = {"node_modules", ".venv", ".pythons", ".tools", "__pycache__", "instance", ".hypothesis"}

    assert [path for path in tracked() if parts & set(Path(path).parts)] == []


def test_no_tracked_file_is_larger_than_a_mebibyte() -> None:
    assert [path for path in tracked() if (ROOT / path).stat().st_size > MEBIBYTE] == []


def test_no_secret_and_no_database_is_tracked() -> None:
    private = re.compile(r"(^|/)\.env(\..*)?$|\.(db|sqlite3?|pem|key)(-wal|-shm)?$")

    assert [path for path in tracked() if private.search(path)] == []


@pytest.mark.parametrize("folder", ["static/vendor", "tests/vendor"])
def test_vendored_files_match_their_checksums(folder: str) -> None:
    lines = (ROOT / folder / "SHA256SUMS").read_text().splitlines()
    sums = {name: checksum for checksum, name in (line.split("  ", 1) for line in lines)}
    files = {Path(path).name for path in tracked() if Path(path).parent == Path(folder)} - {"SHA256SUMS"}

    assert set(sums) == files
    assert sums == {name: hashlib.sha256((ROOT / folder / name).read_bytes()).hexdigest() for name in files}


def test_scripts_of_others_have_been_compressed() -> None:
    contents = {f"{version_of(path.read_bytes())}.br": path.read_bytes() for path in sources()}
    compressed = {path.name: brotli.decompress(path.read_bytes()) for path in (FOLDER / COMPRESSED).iterdir()}

    assert compressed == contents, "A file was replaced. Run `make compress`."


def test_no_file_contains_a_path_of_a_developers_machine() -> None:
    assert lines_with(MACHINE) == []


def test_no_file_contains_the_url_of_a_package_index() -> None:
    assert lines_with(INDEX) == []


def documented_names() -> list[str]:
    """Return the names that docs/architecture.md must list: every module, or its folder for some folders."""
    folders = {"web", "sqlalchemy", "dev_provider", "providers", "adapters"}
    paths = [Path(path) for path in tracked() if path.endswith(".py")]
    modules = [
        path for path in paths if path.parts[0] in {"genkan", "blueprints", "deploy"} and path.stem != "__init__"
    ]
    names = {next((part for part in path.parts[1:] if part in folders), path.stem) for path in modules}
    return sorted(names | {path.stem for path in paths if len(path.parts) == 1})


@pytest.mark.parametrize("name", documented_names())
def test_every_module_is_listed_in_the_architecture_document(name: str) -> None:
    overview = (ROOT / "docs/architecture.md").read_text().split("```")[1]

    assert re.search(rf"(?<![\w]){name}(?!\w)", overview), f"docs/architecture.md does not list {name}"


CODE = re.compile(r"(?<![\w%#&'\"./-])([CDFHLMOPRSTX])([1-9]\d?)(?:-\1([1-9]\d?))?(?![\w%])")
"""Code of a requirement, as in (C1), or of several requirements, as in (H1-H5)."""
NO_CODE = {"X11"}
"""Name of the window system in User-Agent headers."""
DOCUMENT = re.compile(r"(?<![\w/{}*.-])((?:[\w-]+/)*[\w-]+\.md)\b")


def requirement_codes(text: str) -> set[str]:
    spans = (found.groups() for found in CODE.finditer(text))
    codes = {f"{letter}{n}" for letter, first, last in spans for n in range(int(first), int(last or first) + 1)}
    return codes - NO_CODE


def prose() -> Iterator[tuple[str, str]]:
    """Return path and text of the documents and of the code, without vendored files."""
    for path in tracked():
        if (
            Path(path).suffix in {".md", ".py", ".sh", ".js", ".css", ".html"}
            and "vendor" not in path
            and path != THIS_FILE
        ):
            yield path, (ROOT / path).read_text()


def test_every_requirement_code_is_in_the_legend() -> None:
    legend = set(re.findall(r"^- \*\*(\w+)\*\* ", (ROOT / "docs/requirements.md").read_text(), re.MULTILINE))
    used = {
        f"{path}: {code}"
        for path, text in prose()
        if not path.endswith(".html")
        for code in requirement_codes(text) - legend
    }

    assert sorted(used) == []


def test_every_document_that_is_mentioned_exists() -> None:
    documents = {path for path in map(Path, tracked()) if path.suffix == ".md"}
    known = {path.as_posix() for path in documents} | {path.name for path in documents}
    known |= {path.relative_to("docs").as_posix() for path in documents if path.parts[0] == "docs"}
    missing = {
        f"{path}: {mentioned}"
        for path, text in prose()
        for mentioned in DOCUMENT.findall(text)
        if mentioned not in known
    }

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
def test_requirement_codes_are_found_in_text(text: str, codes: set[str]) -> None:
    assert requirement_codes(text) == codes


# Each line is split in two parts, so that this file does not match.
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
def test_the_patterns_match(pattern: re.Pattern[str], line: str, found: bool) -> None:
    assert bool(pattern.search(line)) is found
