"""Figures of docs/architecture.md: each function that they list is in the file that they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CALL = re.compile(r"^ +(?P<path>[a-z_/]+\.py) +(?P<names>[A-Za-z_.]+(?:, [A-Za-z_.]+)*)(?:  |$)", re.MULTILINE)


def listed_calls() -> set[tuple[str, str]]:
    """Return (path of the file, name of the function, with its class) for each function in the figures."""
    document = (ROOT / "docs/architecture.md").read_text()
    figures = document[document.index("## Signing in") : document.index("## State")]
    return {(call["path"], name) for call in CALL.finditer(figures) for name in call["names"].split(", ")}


def defined_names(path: Path) -> set[str]:
    """Return the functions of this module, and the methods, fields and attributes of its classes as `Class.name`."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names |= {part.name for part in ast.walk(node) if isinstance(part, ast.FunctionDef)}
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{name}" for name in _members(node)}
    return names


def _members(node: ast.ClassDef) -> Iterator[str]:
    for part in ast.walk(node):
        match part:
            case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)]):
                yield name


@pytest.mark.parametrize(("path", "name"), sorted(listed_calls()))
def test_the_figures_list_functions_that_exist(path: str, name: str) -> None:
    folder = ROOT if path.startswith("blueprints/") else ROOT / "genkan"
    assert name in defined_names(folder / path)


def test_the_seven_kinds_of_requests_are_drawn() -> None:
    assert len(listed_calls()) > 100
