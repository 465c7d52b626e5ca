"""The plan of the house as a test: imports only go down, and each third party has one door."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FLOORS: dict[str, int] = {
    "run": 11,
    "ports": 10,
    "serve": 11,
    "worker": 11,
    "app": 10,
    "blueprints": 9,
    "auth": 8,
    "deploy": 8,
    "people": 8,
    "genkan.web.flask_login": 7,
    "genkan.web": 7,
    "genkan.actions": 6,
    "genkan.dev_provider": 6,
    "genkan.oauth.client": 5,
    "genkan.oauth.logout": 5,
    "genkan.oauth.id_token": 4,
    "genkan.oauth.logout_token": 4,
    "genkan.oauth.logout": 4,
    "genkan.oauth.refresh": 4,
    "genkan.oauth.discovery": 4,
    "genkan.oauth.checks": 4,
    "genkan.oauth.reauthentication": 4,
    "genkan.core": 3,
    "genkan.session.revocation_list": 3,
    "genkan.session.strategies": 3,
    "genkan.callbacks": 3,
    "genkan.cache.shared": 3,
    "genkan.adapters.sqlalchemy": 3,
    "migrations": 3,
    "genkan.claims": 2,
    "genkan.http.csrf": 2,
    "genkan.crypto.sealer": 2,
    "genkan.http.cookies": 2,
    "genkan.adapters": 2,
    "genkan.http.rate_limit": 2,
    "genkan.adapters.sessions": 2,
    "genkan.providers": 2,
    "genkan.providers.registry": 2,
    "genkan.oauth.transport.adapters": 2,
}
"""Everything else is the ground floor. A room may import from its own floor, as long as that goes round in no circle."""

DOORS: dict[str, set[str]] = {
    "flask": {
        "genkan.web",
        "genkan.cache.shared",
        "genkan.web.flask_login",
        "app",
        "auth",
        "blueprints",
        "deploy",
        "run",
    },
    "werkzeug": {"genkan.web", "genkan.oauth.transport.adapters", "blueprints", "run"},
    "flask_login": {"genkan.web.flask_login"},
    "flask_caching": {"genkan.cache.shared"},
    "cachelib": {"genkan.cache.shared"},
    "authlib": {"genkan.oauth.client", "genkan.dev_provider"},
    "joserfc": {"genkan.crypto.jose"},
    "cryptography": {"genkan.crypto.jose"},
    "requests": {"genkan.oauth.transport.adapters"},
    "urllib3": {"genkan.oauth.transport.adapters"},
    "sqlalchemy": {"genkan.adapters.sqlalchemy", "models", "migrations"},
    "alembic": {"migrations"},
    "blinker": {"genkan.signals"},
    "click": {"genkan.cli.group", "genkan.cli.sessions", "genkan.cli.users"},
    "dotenv": {"run"},
    "redis": set(),
    "psycopg": set(),
    "gunicorn": {"worker"},
}
"""Who may know a third party; a package's name stands for everything in it."""


def _modules() -> Iterator[tuple[str, Path]]:
    top = list(ROOT.glob("*.py"))
    for path in [
        *top,
        *(p for room in ("genkan", "blueprints", "deploy", "migrations") for p in (ROOT / room).rglob("*.py")),
    ]:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


MODULES = dict(_modules())


def _imports(name: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {_resolve(node.module, alias.name) for alias in node.names}
    return found - {name}


def _resolve(module: str, name: str) -> str:
    return f"{module}.{name}" if f"{module}.{name}" in MODULES else module


def _floor(name: str) -> int:
    while name:
        if name in FLOORS:
            return FLOORS[name]
        name = name.rpartition(".")[0]
    return 1


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_only_go_down(name: str) -> None:
    """No room knows of one above it."""
    upward = {other for other in _imports(name) if other in MODULES and _floor(other) > _floor(name)}

    assert upward == set()


def test_no_import_goes_round_in_a_circle() -> None:
    """Taking away, again and again, the rooms that import no other one leaves nothing."""
    left = {name: {other for other in _imports(name) if other in MODULES} for name in MODULES}
    while free := {name for name, needs in left.items() if not needs}:
        left = {name: needs - free for name, needs in left.items() if name not in free}

    assert sorted(left) == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_each_third_party_is_known_where_the_plan_says(name: str) -> None:
    """One file, or one package, for each."""
    strangers = {other.partition(".")[0] for other in _imports(name)} & set(DOORS)
    allowed = {third for third, doors in DOORS.items() if any(f"{name}.".startswith(f"{door}.") for door in doors)}

    assert strangers - allowed == set()


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith("genkan")))
def test_the_core_knows_nothing_of_the_application(name: str) -> None:
    """It could be lifted into a repository of its own."""
    ours = {other.partition(".")[0] for other in _imports(name) if other in MODULES}

    assert ours <= {"genkan"}


def test_rooms_are_named_by_what_they_hold() -> None:
    """A room called utils holds anything, so nothing can be found there."""
    shapeless = {"utils", "helpers", "common", "misc"}

    assert {name.rpartition(".")[2] for name in MODULES} & shapeless == set()


def test_no_room_is_too_large_to_see_at_once() -> None:
    """250 lines at most."""
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}

    assert {name: length for name, length in lengths.items() if length > 250} == {}


def test_functions_fit_in_the_eye() -> None:
    """No body of more than 40 lines; nearly all of 20 at most."""
    bodies = [length for name in MODULES for length in _bodies(MODULES[name])]

    assert max(bodies) <= 40
    assert sum(length <= 20 for length in bodies) >= 0.88 * len(bodies)


def _bodies(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_pickle_is_known_nowhere() -> None:
    """Whoever writes to a cache must not run code here (M4)."""
    assert [name for name in MODULES if _imports(name) & {"pickle", "marshal", "shelve"}] == []


def test_a_worker_does_not_carry_what_only_an_owner_s_command_needs() -> None:
    """Alembic alone takes twelve MiB of each."""
    carried = subprocess.run(
        [sys.executable, "-c", "import app, sys; print('alembic' in sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert carried.stdout == "False\n"
