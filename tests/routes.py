"""Every address of the house, read off its URL map, so that a room built tomorrow is tested as well."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

FILES = {"static": "css/app.css", "genkan.static": "css/menu.css"}
VARIABLES = {"provider_id": "development", "key": "hana", "sid": "unknown"}
"""What stands in for the variable parts of an address."""


@dataclass(frozen=True, order=True)
class Address:
    """A method, a path, and the endpoint they lead to."""

    path: str
    method: str
    endpoint: str

    @property
    def is_development(self) -> bool:
        """It is the development identity provider's: another service, with rules of its own."""
        return self.endpoint.startswith("development.")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def addresses(app: Flask, *methods: str) -> list[Address]:
    """All addresses that answer one of these methods, in order."""
    found: set[Address] = set()
    for rule in app.url_map.iter_rules():
        values = {name: {**VARIABLES, "filename": FILES.get(rule.endpoint, "")}[name] for name in rule.arguments}
        built = rule.build(values, append_unknown=False)
        path = built[1] if built is not None else rule.rule
        found |= {Address(path, method, rule.endpoint) for method in set(methods) & (rule.methods or set())}
    return sorted(found)
