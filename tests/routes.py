"""List the application's routes from its URL map, so that tests cover new routes without a change."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from flask import Flask

FILES = {"static": "css/app.css", "genkan.static": "css/menu.css"}
VARIABLES = {
    "provider_id": ("development", "email", "credentials", "passkey"),
    "key": ("hana",),
    "sid": ("unknown",),
    "id": ("unknown",),
}
"""Example values for the variable parts of a path. A provider's id is also that of mail, of passwords and of passkeys."""

EVERY_WAY = {"AUTH_PASSWORDS": "on", "AUTH_PASSKEYS": "on", "AUTH_TOTP": "on"}
"""Settings of an application in which every way to sign in is on, so that no route is 404 for the lack of a setting."""


@dataclass(frozen=True, order=True)
class Route:
    """Path and method, with the endpoint that handles them."""

    path: str
    method: str
    endpoint: str

    @property
    def is_dev_provider(self) -> bool:
        """Return True for a route of the development provider, which is a separate service, or of the mailbox."""
        return self.endpoint.startswith(("genkan_development.", "genkan_mailbox."))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes(app: Flask, *methods: str) -> list[Route]:
    """Return the sorted routes that accept one of these methods, with each example value."""
    found: set[Route] = set()
    for rule in app.url_map.iter_rules():
        names = sorted(rule.arguments)
        known = {**VARIABLES, "filename": (FILES.get(rule.endpoint, ""),)}
        for values in product(*(known[name] for name in names)):
            built = rule.build(dict(zip(names, values, strict=True)), append_unknown=False)
            path = built[1] if built is not None else rule.rule
            found |= {Route(path, method, rule.endpoint) for method in set(methods) & (rule.methods or set())}
    return sorted(found)
