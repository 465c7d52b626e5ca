"""The command `flask genkan routes`: what each view of the application requires."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from werkzeug.routing import Rule

from genkan.http.csrf import SAFE_METHODS
from genkan.web.access import collect_endpoints, needs_of
from genkan.web.state import AppState, get_state

OPEN, PUBLIC = "open", "public"
AUTOMATIC_METHODS = {"HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """Methods of a rule that have the same requirements."""

    path: str
    """The rule. With host matching or a subdomain, that stands in front."""
    methods: tuple[str, ...]
    endpoint: str
    needs: tuple[str, ...]
    """`session`, `role=admin,editor`, `fresh=300`, `token`, `flask-login`, `public`, or only `open`."""

    @property
    def is_unsafe(self) -> bool:
        """Return True if a method can change something."""
        return not set(self.methods) <= set(SAFE_METHODS)

    def __str__(self) -> str:
        """Return the route as a line of `flask genkan routes`."""
        return "\t".join((",".join(self.methods), self.path, self.endpoint, " ".join(self.needs)))


@click.command()
@click.option(
    "--check",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Compare with this file, the output of an earlier call, and exit with 1 if there is a difference.",
)
@with_appcontext
def routes(file: Path | None) -> None:
    """List the application's own routes: methods, path, endpoint, and what a request needs.

    This is `session`, `role=…` (one of these), `fresh=…` (an authentication in the last … seconds), `token` (for CSRF),
    `flask-login` (a decorator of Flask-Login), or else `public` (marked as such) or `open`. Checks that a view or a
    `before_request` function makes itself are not seen.
    """
    lines = [str(route) for route in find_routes(current_app)]
    if file is None:
        click.echo("\n".join(lines))
        return
    if not file.exists():
        raise click.ClickException(f"{file} does not exist. Create it: flask genkan routes > {file}")
    changes = list(difflib.unified_diff(file.read_text().splitlines(), lines, str(file), "now", lineterm="", n=0))
    if changes:
        click.echo("\n".join(changes))
        raise click.ClickException(f"The routes have changed. If that is right: flask genkan routes > {file}")
    click.echo(f"{len(lines)} routes, as in {file}.")


def find_routes(app: Flask) -> list[Route]:
    """Return the routes of the application, without those of the package, in the order of their paths."""
    state = get_state(app)
    collect_endpoints(app, state)
    return sorted(
        route
        for rule in app.url_map.iter_rules()
        if not state.is_own(rule.endpoint)
        for route in _routes_of(rule, app.view_functions.get(rule.endpoint), state)
    )


def _routes_of(rule: Rule, view: Callable[..., Any] | None, state: AppState) -> Iterator[Route]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for method in sorted((rule.methods or set()) - AUTOMATIC_METHODS):
        groups.setdefault(_needs(rule.endpoint, method, view, state), []).append(method)
    for needs, methods in groups.items():
        yield Route(f"{rule.host or rule.subdomain or ''}{rule.rule}", tuple(methods), rule.endpoint, needs)


def _needs(endpoint: str, method: str, view: Callable[..., Any] | None, state: AppState) -> tuple[str, ...]:
    # The methods of a class-based view may have decorators of their own.
    of_method = getattr(getattr(view, "view_class", None), method.lower(), None)
    needs = [*needs_of(view), *needs_of(of_method)]
    is_closed = state.strict or endpoint in state.protected
    if is_closed and endpoint not in state.public:
        needs.insert(0, "session")
    if _has_flask_login(view) or _has_flask_login(of_method):
        needs.append("flask-login")
    if is_closed and method not in SAFE_METHODS and endpoint not in state.csrf_exempt:
        needs.append("token")
    if not needs or needs == ["token"]:
        needs.insert(0, PUBLIC if endpoint in state.public else OPEN)
    return tuple(dict.fromkeys(needs))


def _has_flask_login(view: Any) -> bool:
    """Return True if a decorator of Flask-Login is among those of the view."""
    while view is not None:
        if getattr(view, "__globals__", {}).get("__name__") == "flask_login.utils":
            return True
        view = getattr(view, "__wrapped__", None)
    return False
