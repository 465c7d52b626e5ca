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


JOURNAL_USERS = """accounts = Genkan(db=db, user=User)


@accounts.new_user
def new_user(identity):
    return User(name=identity.name, email=identity.email, email_confirmed=True)


@accounts.existing_user()
def existing_user(identity):
    return db.session.scalar(db.select(User).filter_by(email=identity.email, email_confirmed=True))
"""

JOURNAL = Guest(
    name="journal",
    own_tests=26,
    open_app=_open_journal,
    close_app=_close_journal,
    find_users=lambda module: (_submodule(module, "models").User, _submodule(module, "extensions").db.session),
    patch={
        "journal/auth.py": [
            ("from journal.extensions import db\n", "from genkan import Genkan\nfrom journal.extensions import db\n"),
            ('bp = Blueprint("auth", __name__)\n', f'bp = Blueprint("auth", __name__)\n{JOURNAL_USERS}'),
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


CATALOG_ACCOUNTS = """accounts = Genkan(app, db=db, user="catalog.models:User")
"""
CATALOG_USERS = """

@accounts.new_user
def new_user(identity):
    return User(name=identity.name, email=identity.email, email_confirmed=identity.email is not None)


accounts.existing_user()(lambda identity: User.by_confirmed_email(identity.email))
"""

CATALOG = Guest(
    name="catalog",
    own_tests=21,
    open_app=_open_catalog,
    close_app=_close_catalog,
    find_users=lambda module: (_submodule(module, "models").User, module.db.session),
    environment=_catalog_environment,
    patch={
        "catalog/__init__.py": [
            ("from flask_wtf import CSRFProtect\n", "from flask_wtf import CSRFProtect\nfrom genkan import Genkan\n"),
            ("toolbar = DebugToolbarExtension(app)\n", f"toolbar = DebugToolbarExtension(app)\n{CATALOG_ACCOUNTS}"),
        ],
        "catalog/models.py": [
            ("from catalog import cache,", "from catalog import accounts, cache,"),
            ("\n\nclass Book(db.Model)", f"{CATALOG_USERS}\n\nclass Book(db.Model)"),
        ],
        "catalog/static/style.css": [
            ("header { overflow: auto;", "header { display: flow-root;"),
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


BOARD_USERS = """
accounts = Genkan(engine=get_engine, metadata=Base.metadata, user=User, session=get_session)
accounts.existing_user()(lambda identity: find_confirmed(identity.email))


@accounts.new_user
def new_user(identity):
    return User(id=identity.id, title=identity.name, email=identity.email, email_confirmed=bool(identity.email))
"""

BOARD = Guest(
    name="board",
    own_tests=16,
    open_app=_open_board,
    close_app=_close_board,
    find_users=lambda module: (_submodule(module, "db").User, _submodule(module, "db").sessions),
    patch={
        "board/auth.py": [
            ("from board.db import User, get_session", "from board.db import Base, User, get_engine, get_session"),
            ("\nbp = Blueprint", "from genkan import Genkan\n\nbp = Blueprint"),
            ('session.get("member", ""))\n', 'session.get("member", "")) or accounts.current_user\n'),
            ('\n\n@bp.route("/login"', f'{BOARD_USERS}\n\n@bp.route("/login"'),
        ],
        "board/__init__.py": [
            ("    return app\n", "    auth.accounts.init_app(app)\n    return app\n"),
        ],
        "board/templates/base.html": [
            ("</ul>\n</nav>\n", "<li>{{ user_menu() }}</li>\n</ul>\n</nav>\n"),
        ],
    },
)
"""htmx 1.9 with `hx-boost`, plain SQLAlchemy with a scoped session, and users with their name as the key."""

GUESTS = {guest.name: guest for guest in (NOTES, JOURNAL, CATALOG, BOARD)}
