"""Architecture of the package: import layers, third parties and sizes. docs/architecture.md describes the same layers."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(layer.split())
    for layer in (
        "deploy",
        "app",
        "blueprints",
        "deploy.logging",
        "genkan.testing",
        "genkan",
        "genkan.extension",
        "genkan.application_settings",
        "genkan.build",
        "genkan.options",
        "genkan.web genkan.cli genkan.dev_provider",
        "genkan.actions",
        "genkan.core",
        "genkan.session genkan.oauth genkan.email genkan.password genkan.passkey genkan.second_factor",
        "genkan.claims",
        "genkan.settings genkan.providers genkan.callbacks",
        "genkan.adapters genkan.http",
        "genkan.crypto genkan.cache",
        "genkan.types genkan.errors genkan.signals genkan.strict_json genkan.spellings",
    )
)
"""Parts of the project from top to bottom. A part may import from the layers below its own."""

LEVELS = {part: level for level, layer in enumerate(reversed(LAYERS)) for part in layer}

CONNECTED_LAYERS = frozenset({LEVELS["genkan.web"], LEVELS["genkan.types"]})
"""Layers whose parts may import each other: the Flask code and the modules at the bottom."""

USES_FLASK = {
    "app", "blueprints", "deploy", "genkan.extension", "genkan.application_settings", "genkan.build", "genkan.testing",
    "genkan.web", "genkan.cli", "genkan.dev_provider", "genkan.cache.shared",
}  # fmt: skip

THIRD_PARTIES: dict[str, set[str]] = {
    "flask": USES_FLASK,
    "werkzeug": USES_FLASK | {"genkan.oauth.transport"},
    "flask_login": {"genkan.web.flask_login"},
    "flask_caching": {"app"},
    "cachelib": {"genkan.cache.shared"},
    "authlib": {"genkan.oauth.client", "genkan.dev_provider"},
    "joserfc": {"genkan.crypto.jose"},
    "cryptography": {"genkan.crypto.jose"},
    "email_validator": {"genkan.spellings"},
    "requests": {"genkan.oauth.transport"},
    "urllib3": {"genkan.oauth.transport"},
    "sqlalchemy": {"genkan.adapters.sqlalchemy"},
    "argon2": {"genkan.password.hasher"},
    "webauthn": {"genkan.passkey.verification"},
    "segno": {"genkan.second_factor.qr_code"},
    "alembic": {"genkan.adapters.sqlalchemy.migrations"},
    "blinker": {"genkan.signals"},
    "click": {"genkan.cli"},
    "jinja2": {"genkan.cli", "genkan.web.neighbours.template_syntax"},
    "dotenv": {"deploy.run"},
    "granian": set(),
    "gunicorn": set(),
    "redis": {"genkan.cache.shared"},
    "psycopg": set(),
}
"""Modules and packages that may import each third party. A package includes its modules."""

MAX_LINES = 300
MAX_MODULES = 14
"""Modules of one folder, without `__init__.py`."""
UNLIMITED_FOLDERS = {"genkan/providers", "genkan/adapters/sqlalchemy/migrations/versions"}
"""Folders with one module for each provider, or for each migration."""


def _modules(*folders: str) -> Iterator[tuple[str, Path]]:
    for path in [*ROOT.glob("*.py"), *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


MODULES = dict(_modules("genkan", "blueprints", "deploy"))
ALL_FILES = [path for _, path in _modules("genkan", "blueprints", "deploy", "tests", "bench")]


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


def _part(name: str) -> str:
    """Return the part of the project that a module belongs to, such as `genkan.oauth` for `genkan.oauth.checks`."""
    top, second = [*name.split("."), ""][:2]
    return f"{top}.{second}" if f"{top}.{second}" in LEVELS or (top == "genkan" and second) else top


def _may_import(part: str, other: str) -> bool:
    if part == other or LEVELS[part] > LEVELS[other]:
        return True
    return LEVELS[part] == LEVELS[other] and LEVELS[part] in CONNECTED_LAYERS


def test_every_module_belongs_to_a_layer() -> None:
    assert sorted({_part(name) for name in MODULES} - set(LEVELS)) == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_from_lower_layers_only(name: str) -> None:
    imported = {_part(other) for other in _imports(name) if other in MODULES}

    assert {other for other in imported if other in LEVELS and not _may_import(_part(name), other)} == set()


def test_no_imports_are_circular() -> None:
    """Removing the modules without remaining imports, again and again, leaves no module."""
    left = {name: {other for other in _imports(name) if other in MODULES} for name in MODULES}
    while free := {name for name, needs in left.items() if not needs}:
        left = {name: needs - free for name, needs in left.items() if name not in free}

    assert sorted(left) == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_third_party_is_imported_in_its_own_modules_only(name: str) -> None:
    imported = {other.partition(".")[0] for other in _imports(name)} & set(THIRD_PARTIES)
    allowed = {
        third_party
        for third_party, places in THIRD_PARTIES.items()
        if any(f"{name}.".startswith(f"{place}.") for place in places)
    }

    assert imported - allowed == set()


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith("genkan")))
def test_the_package_imports_nothing_of_the_application(name: str) -> None:
    """The package could be moved to another repository as it is."""
    local = {other.partition(".")[0] for other in _imports(name) if other in MODULES}

    assert local <= {"genkan"}


def test_no_module_has_a_name_without_a_subject() -> None:
    assert {name.rpartition(".")[2] for name in MODULES} & {"utils", "helpers", "common", "misc"} == set()


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in ALL_FILES}

    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_no_folder_has_more_than_14_modules() -> None:
    folders = Counter(str(path.parent.relative_to(ROOT)) for path in ALL_FILES if path.name != "__init__.py")

    assert {
        folder: count for folder, count in folders.items() if count > MAX_MODULES and folder not in UNLIMITED_FOLDERS
    } == {}


def test_functions_are_short() -> None:
    """No body is longer than 40 lines, and 88 of 100 are not longer than 20."""
    bodies = [length for name in MODULES for length in _bodies(MODULES[name])]

    assert max(bodies) <= 40
    assert sum(length <= 20 for length in bodies) >= 0.88 * len(bodies)


def _bodies(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


# requirement M4
def test_no_module_imports_pickle() -> None:
    """Unpickling runs code. Write access to the cache must not become code execution."""
    assert [name for name in MODULES if _imports(name) & {"pickle", "marshal", "shelve"}] == []


def test_a_worker_does_not_import_alembic() -> None:
    """Alembic takes 12 MiB of each worker, and only the migration commands need it."""
    printed = subprocess.run(
        [sys.executable, "-c", "import app, sys; print('alembic' in sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert printed.stdout == "False\n"


def test_each_part_of_the_layers_exists() -> None:
    parts = {part for layer in LAYERS for part in layer} | USES_FLASK | set().union(*THIRD_PARTIES.values())
    paths = {part: ROOT / part.replace(".", "/") for part in parts}
    assert [part for part, path in paths.items() if not path.is_dir() and not path.with_suffix(".py").is_file()] == []


def test_the_only_module_in_the_root_is_the_application() -> None:
    assert [path.name for path in ROOT.glob("*.py")] == ["app.py"]
