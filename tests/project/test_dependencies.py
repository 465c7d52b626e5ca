"""Dependencies of the package in pyproject.toml: what it imports, and not more, with floors below the tested versions."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DISTRIBUTIONS = {"argon2": "argon2-cffi"}
"""Distributions that have another name than the package that is imported."""
EXTRAS = [requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra]


def imported() -> set[str]:
    """Return the third-party packages that modules of the package import, by the names of their distributions."""
    found: set[str] = set()
    for path in (ROOT / "genkan").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    names = found - sys.stdlib_module_names - {"genkan"}
    return {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in names}


def split(requirement: str) -> tuple[str, tuple[int, ...]]:
    """Return the name and the lowest version of a requirement such as `psycopg[binary]>=3.1`."""
    match = re.fullmatch(r"([a-z0-9-]+)(?:\[[a-z,]+\])?>=([\d.]+)", requirement)
    assert match, f"{requirement} is not a name with a lowest version"
    return match[1], numbers(match[2])


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_dependencies_are_the_imported_packages() -> None:
    optional = {split(requirement)[0] for requirement in EXTRAS}
    assert {split(requirement)[0] for requirement in PROJECT["dependencies"]} == imported() - optional


@pytest.mark.parametrize("requirement", [*PROJECT["dependencies"], *EXTRAS])
def test_the_tested_version_is_not_below_the_lowest(requirement: str) -> None:
    name, lowest = split(requirement)
    tested = re.search(rf"^{name}==([\d.]+)", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)

    assert tested
    assert numbers(tested[1]) >= lowest
