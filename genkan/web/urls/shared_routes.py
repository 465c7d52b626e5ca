"""Routes that both the application and the package have. Only one of the two is ever reached."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import Rule

from genkan.web.state import get_state

_AUTOMATIC = {"HEAD", "OPTIONS"}


def shared_routes(app: Flask) -> list[str]:
    """Return the application's routes that are ours, too, such as `POST /api/auth/signin`."""
    state = get_state(app)
    rules = list(app.url_map.iter_rules())
    ours = {route for rule in rules if state.is_own(rule.endpoint) for route, _ in _routes(rule)}
    other = (rule for rule in rules if not state.is_own(rule.endpoint))
    return sorted({text for rule in other for route, text in _routes(rule) if route in ours})


def _routes(rule: Rule) -> Iterator[tuple[tuple[str, str], str]]:
    # Whatever the arguments are called. A slash at the end makes no other path.
    shape = re.sub("<[^>]*>", "<>", rule.rule).rstrip("/")
    for method in (rule.methods or set()) - _AUTOMATIC:
        yield (method, f"{rule.host or rule.subdomain or ''}{shape}"), f"{method} {rule.rule}"
