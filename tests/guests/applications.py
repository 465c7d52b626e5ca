"""The applications below `tests/guests/`."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from flask import Flask

from tests.guests.guest import Guest


def _submodule(module: ModuleType, name: str) -> ModuleType:
    return importlib.import_module(f"{module.__name__}.{name}")


def _open_notes(module: ModuleType, folder: Path, testing: bool) -> Flask:
    app: Flask = module.create_app({"TESTING": testing, "DATABASE": str(folder / "notes.sqlite")})
    app.test_cli_runner().invoke(args=["init-db"])
    return app


NOTES = Guest(
    name="notes",
    own_tests=18,
    open_app=_open_notes,
    close_app=lambda _module, _app: None,
    patch={
        "notes/__init__.py": [
            ("from flask import Flask\n", "from flask import Flask\nfrom genkan import Genkan\n"),
            ("    return app\n", "    Genkan(app)\n    return app\n"),
        ],
        "notes/templates/base.html": [
            ("</nav>\n", "{{ user_menu() }}\n</nav>\n"),
        ],
    },
)
"""No ORM, sqlite3 only, an application factory, and a blueprint `auth` with passwords."""


def _open_journal(module: ModuleType, folder: Path, testing: bool) -> Flask:
    database = f"sqlite:///{folder / 'journal.sqlite'}"
    app: Flask = module.create_app({"TESTING": testing, "SQLALCHEMY_DATABASE_URI": database})
    with app.app_context():
        _submodule(module, "extensions").db.create_all()
    return app


def _close_journal(module: ModuleType, app: Flask) -> None:
    with app.app_context():
        _submodule(module, "extensions").db.engine.dispose()


JOURNAL = Guest(
    name="journal",
    own_tests=26,
    open_app=_open_journal,
    close_app=_close_journal,
    patch={
        "journal/auth.py": [
            (
                "from flask_login import current_user,",
                "from genkan import Genkan\nfrom flask_login import current_user,",
            ),
            ('bp = Blueprint("auth", __name__)\n', 'bp = Blueprint("auth", __name__)\naccounts = Genkan()\n'),
        ],
        "journal/__init__.py": [
            ("    return app\n", "    auth.accounts.init_app(app)\n    return app\n"),
        ],
        "journal/templates/base.html": [
            ("</nav>\n", "{{ user_menu() }}\n</nav>\n"),
        ],
    },
)
"""Flask-SQLAlchemy, Flask-Migrate, Flask-Login and Flask-WTF, an application factory, and users with an integer key."""


def _catalog_environment(folder: Path, testing: bool) -> dict[str, str]:
    return {
        "CATALOG_TESTING": str(testing).lower(),
        "CATALOG_DEBUG_TB_ENABLED": "true",
        "CATALOG_SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'catalog.sqlite'}",
    }


def _open_catalog(module: ModuleType, _folder: Path, _testing: bool) -> Flask:
    app: Flask = module.app
    return app


def _close_catalog(module: ModuleType, app: Flask) -> None:
    with app.app_context():
        module.db.engine.dispose()


CATALOG = Guest(
    name="catalog",
    own_tests=21,
    open_app=_open_catalog,
    close_app=_close_catalog,
    environment=_catalog_environment,
    patch={
        "catalog/__init__.py": [
            ("from flask_wtf import CSRFProtect\n", "from flask_wtf import CSRFProtect\nfrom genkan import Genkan\n"),
            (
                "toolbar = DebugToolbarExtension(app)\n",
                "toolbar = DebugToolbarExtension(app)\naccounts = Genkan(app)\n",
            ),
        ],
        "catalog/templates/layout.html": [
            ("{% endif %}\n{% endblock reader %}", "{% endif %}\n{{ user_menu() }}\n{% endblock reader %}"),
        ],
        "catalog/templates/about.html": [
            ("Your account</a>{% endblock %}", "Your account</a>{{ user_menu(loading=True) }}{% endblock %}"),
        ],
    },
)
"""An application of the module, CSRFProtect, Flask-Caching, Flask-DebugToolbar, and users with a UUID as their key."""


def _open_board(module: ModuleType, folder: Path, testing: bool) -> Flask:
    app: Flask = module.create_app({"TESTING": testing, "DATABASE": f"sqlite:///{folder / 'board.sqlite'}"})
    app.test_cli_runner().invoke(args=["create-tables"])
    return app


def _close_board(module: ModuleType, app: Flask) -> None:
    db = _submodule(module, "db")
    with app.app_context():
        db.get_session().close()
        db.get_engine().dispose()


BOARD = Guest(
    name="board",
    own_tests=16,
    open_app=_open_board,
    close_app=_close_board,
    patch={
        "board/__init__.py": [
            ("from board.theme", "from genkan import Genkan\nfrom board.theme"),
            ("    return app\n", "    Genkan(app)\n    return app\n"),
        ],
        "board/templates/base.html": [
            ("</ul>\n</nav>\n", "<li>{{ user_menu() }}</li>\n</ul>\n</nav>\n"),
        ],
    },
)
"""htmx 1.9 with `hx-boost`, plain SQLAlchemy with a scoped session, and users with their name as the key."""

GUESTS = {guest.name: guest for guest in (NOTES, JOURNAL, CATALOG, BOARD)}
