"""The command `flask genkan template`, and the templates of the package that an application has replaced."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from jinja2 import meta, nodes

from genkan import web
from genkan.web.menu import TEMPLATE_CONTEXT
from genkan.web.neighbours.template_syntax import translate
from genkan.web.state import get_state

FOLDER = Path(web.__path__[0]) / "templates"
MARK = re.compile(r"\S+ genkan ([0-9a-f]{12}) ")
"""Beginning of a copy, with the version of the original."""


class Replacement(NamedTuple):
    """Template of the application in place of one of the package."""

    name: str
    version: str | None
    """Version of the original. None if the template is no copy, or one that was made by hand."""

    @property
    def is_outdated(self) -> bool:
        """Return True if the original has changed since it was copied."""
        return self.version not in {None, _version(_original(self.name))}


@click.command()
@click.argument("name", required=False)
@click.option(
    "--list", "list_names", is_flag=True, help="List the templates. Those that the application has are marked."
)
@with_appcontext
def template(name: str | None, list_names: bool) -> None:
    """Copy the template NAME of Genkan, such as `menu` or `account/index`, to the application's own templates.

    The application's file is used from then on. `flask genkan doctor` reports when the original has changed since.
    """
    if list_names or name is None:
        replaced = {replacement.name for replacement in find_replacements(current_app)}
        click.echo("\n".join(f"{known}\treplaced" if known in replaced else known for known in _public_names()))
        return
    path = f"genkan/{name.removeprefix('genkan/').removesuffix('.html')}.html"
    if path not in _public_names():
        raise click.ClickException(f"There is no template {path}. `flask genkan template --list` shows all of them.")
    click.echo(f"{_copy(path, current_app)} is used from now on.")
    variables, functions = _context(path, current_app)
    click.echo(f"Variables: {', '.join(variables) or 'none'}")
    click.echo(f"Functions: {', '.join(functions) or 'none'}, and those of Flask")


def find_replacements(app: Flask) -> Iterator[Replacement]:
    """Return the templates of the application that replace one of the package."""
    environment = app.jinja_env
    if environment.loader is None:
        return
    for name in _names():
        source, file, _ = environment.loader.get_source(environment, name)
        if file is None or not Path(file).is_relative_to(FOLDER):
            mark = MARK.match(source)
            yield Replacement(name, mark and mark[1])


def _copy(name: str, app: Flask) -> Path:
    """Return the path of the new copy. Raises ClickException if there is one, or no folder for templates."""
    if app.template_folder is None:
        raise click.ClickException("The application has no folder for templates.")
    target = Path(app.root_path, app.template_folder, name)
    if target.exists():
        raise click.ClickException(f"{target} exists. Rename it to get the original.")
    original = _original(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    mark = f"{{# genkan {_version(original)} is the version of the original -#}}\n"
    target.write_text(translate(mark + original, app.jinja_env), encoding="utf-8")
    return target


def _context(name: str, app: Flask) -> tuple[list[str], list[str]]:
    """Return the variables and functions that a template and those that it includes or extends use."""
    get_state(app).prepare()
    ours = TEMPLATE_CONTEXT.keys()
    trees = _trees(name, app)
    used = set().union(*map(meta.find_undeclared_variables, trees))
    # An included template gets what the one around it assigns.
    used -= {name.name for tree in trees for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    attributes = [attribute for tree in trees for attribute in tree.find_all(nodes.Getattr)]
    functions = {
        f"{attribute.node.name}.{attribute.attr}"
        for attribute in attributes
        if isinstance(attribute.node, nodes.Name) and attribute.node.name in ours
    }
    of_application = app.jinja_env.globals.keys() - Flask(__name__).jinja_env.globals.keys()
    return sorted(used - ours - app.jinja_env.globals.keys()), sorted(functions | (used & of_application - ours))


def _trees(name: str, app: Flask) -> list[nodes.Template]:
    """Return the template and those that it includes, imports or extends, as far as they are ours."""
    environment = app.jinja_env.overlay()
    # Otherwise its globals would count as assigned.
    environment.globals = {}
    trees: dict[str, nodes.Template] = {}
    left = [name]
    while left:
        known = left.pop()
        if known not in trees and (FOLDER / known).is_file():
            trees[known] = environment.parse(translate(_original(known), environment))
            left += filter(None, meta.find_referenced_templates(trees[known]))
    return list(trees.values())


def _names() -> list[str]:
    return sorted(path.relative_to(FOLDER).as_posix() for path in (FOLDER / "genkan").rglob("*.html"))


def _public_names() -> list[str]:
    """Return the names without parts, and without the pages of the development provider."""
    return [name for name in _names() if not name.startswith(("genkan/_", "genkan/development/"))]


def _original(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _version(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:12]
