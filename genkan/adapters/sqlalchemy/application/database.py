"""The database of an application: its engine, its metadata with our tables, its session and its own users."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, event, inspect
from sqlalchemy.orm import Mapper

from genkan.adapters.own_users import UserHooks
from genkan.adapters.sqlalchemy.application.events import register
from genkan.adapters.sqlalchemy.application.own_users import LIFETIME, SQLAlchemyOwnUsers, primary_key
from genkan.adapters.sqlalchemy.database import Database, adapter_errors, check_supported
from genkan.adapters.sqlalchemy.stores import StoreSettings, open_stores
from genkan.adapters.sqlalchemy.tables import APPLICATION_USER, Tables, application_key, create_tables
from genkan.adapters.stores import Stores
from genkan.errors import AdapterError, ConfigurationError

_TABLES = "genkan_tables"
"""Key in the `info` of the metadata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """The keywords of `Genkan` about the application's database."""

    db: Any = None
    """Flask-SQLAlchemy's object. It has the engine, the metadata and the session."""
    engine: Engine | Callable[[], Engine] | None = None
    metadata: MetaData | None = None
    session: Callable[[], Any] | None = None
    """Returns the application's session, as a `scoped_session` does."""
    user: Any = None
    """Class of the application's own users, a function that returns it, or its name as `module:Class`."""

    def __post_init__(self) -> None:
        """Raise ConfigurationError if something is missing."""
        if self.db is not None and getattr(self.db, "metadata", None) is None:
            raise ConfigurationError("Genkan(db=…): this is not Flask-SQLAlchemy's object. Give engine= and metadata=.")
        if self.db is None and (self.engine is None or self.metadata is None):
            raise ConfigurationError("Genkan: the database is missing. Give db=, or both engine= and metadata=.")
        if self.user is not None and self.db is None and self.session is None:
            raise ConfigurationError("Genkan(user=…): session= is missing. Give the function that returns the session.")


class ApplicationDatabase:
    """The database of an application. Our tables are part of its metadata."""

    def __init__(self, options: DatabaseOptions) -> None:
        """Add the tables to the metadata. If the class of users is not defined yet, add them when it is."""
        self._options = options
        self._metadata: Any = options.metadata if options.db is None else options.db.metadata
        self._tables: Tables | None = None
        self._model = self._find_model()
        if self._model is not None or options.user is None:
            self._add_tables()
        else:
            event.listen(Mapper, "after_mapper_constructed", self._add_tables_if_defined)

    def open_stores(
        self, app_context: Callable[[], AbstractContextManager[Any]], hooks: UserHooks, settings: StoreSettings
    ) -> Stores:
        """Return the stores. Raises ConfigurationError for MySQL, an unknown class of users, or one without a hook."""
        user = self._options.user
        if self._tables is None:
            self._model = self._find_model()
            if self._model is None:
                raise ConfigurationError(f"Genkan(user={user!r}): there is no such class. Correct the name.")
            self._add_tables()
        if user is not None and hooks.new_user is None and hooks.existing_user is None:
            raise ConfigurationError("Genkan(user=…): no function creates users. Register one with @accounts.new_user.")
        engine = self._engine(app_context)
        check_supported(engine.dialect.name)
        database = Database(engine=engine, clock=settings.clock)
        tables = self._add_tables()
        schema = ApplicationSchema(database, tables)
        with suppress(AdapterError):
            schema.check_users()
        own_users = self._own_users(database, tables, hooks, settings.lifetime)
        return open_stores(database, tables, schema, settings, own_users)

    def _find_model(self) -> type[Any] | None:
        """Return the class of users. None if there is none, or if it is not defined yet."""
        user: Any = self._options.user
        if isinstance(user, str):
            module, _, name = user.partition(":")
            module = _running_name(module)
            found = sys.modules.get(module) if _is_being_imported(module) else import_module(module)
            return getattr(found, name, None)
        if user is None or isinstance(user, type):
            return user
        try:
            model: type[Any] = user()
        except Exception as error:
            raise ConfigurationError(
                f"Genkan(user=…): the function failed ({type(error).__name__}). Give the name as 'module:Class'."
            ) from error
        return model

    def _add_tables_if_defined(self, mapper: Mapper[Any], class_: type[Any]) -> None:
        module, _, name = str(self._options.user).partition(":")
        if self._tables is None and (class_.__module__, class_.__qualname__) == (_running_name(module), name):
            self._model = class_
            self._add_tables()

    def _add_tables(self) -> Tables:
        """Return our tables. Adds them to the metadata, unless another application of this process has done so."""
        # Beside the users, so that one transaction can have both.
        metadata = self._metadata if self._model is None else self._model.metadata
        tables: Tables | None = metadata.info.get(_TABLES)
        if tables is None:
            tables = create_tables(metadata, None if self._model is None else primary_key(self._model))
            metadata.info[_TABLES] = tables
        if self._model is not None and application_key(tables) is not primary_key(self._model):
            raise ConfigurationError(
                "Genkan(user=…): another application of this process has the same metadata, and another class of users or "
                "none. Give each class a database of its own."
            )
        if self._tables is None:
            # Deletions count also in a program that never reads a session, such as a worker of a queue.
            self._own_users(Database(engine=_no_engine), tables, UserHooks(), LIFETIME)
        self._tables, self._metadata = tables, metadata
        return tables

    def _own_users(
        self, database: Database, tables: Tables, hooks: UserHooks, lifetime: int
    ) -> SQLAlchemyOwnUsers | None:
        if self._model is None:
            return None
        own_users = SQLAlchemyOwnUsers(
            self._model, tables, database=database, session=self._session, hooks=hooks, lifetime=lifetime
        )
        register(own_users, self._model, tables)
        return own_users

    def _session(self) -> Any:
        # A `scoped_session` returns the session itself when it is called.
        return self._options.session() if self._options.session else self._options.db.session()

    def _engine(self, app_context: Callable[[], AbstractContextManager[Any]]) -> Engine:
        if self._options.engine is not None:
            return self._options.engine if isinstance(self._options.engine, Engine) else self._options.engine()
        with app_context():
            engine: Engine = self._options.db.engines[self._metadata.info.get("bind_key")]
        return engine


class ApplicationSchema:
    """Tables that are part of the application's metadata, so that its own migrations create them."""

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database, self._tables = database, tables

    def upgrade(self) -> None:
        """Raise ConfigurationError, which names the application's own commands."""
        raise ConfigurationError(
            "The tables are part of the application's metadata. Run its own migrations, such as `flask db migrate` and "
            "`flask db upgrade`."
        )

    def check_users(self) -> None:
        """Raise ConfigurationError if our users refer to another table than that of the application's users.

        The link is a primary key, which belongs to another person in another table. Raises AdapterError.
        """
        key, users = application_key(self._tables), self._tables.users
        if key is None:
            return
        with adapter_errors(), self._database.engine.connect() as connection:
            foreign_keys = inspect(connection).get_foreign_keys(users.name, schema=users.schema)
        for foreign_key in foreign_keys:
            if foreign_key["constrained_columns"] == [APPLICATION_USER]:
                table = foreign_key["referred_table"]
                if (table, foreign_key["referred_columns"]) != (key.table.name, [key.name]):
                    raise ConfigurationError(
                        f"Genkan(user=…): {users.name} in this database refers to the table {table}, which is another "
                        "class of users. Give each class a database of its own."
                    )

    def problem(self) -> str | None:
        """Return which tables or columns are missing. None if none is."""
        missing = []
        with adapter_errors(), self._database.engine.connect() as connection:
            inspector = inspect(connection)
            for table in self._tables:
                if not inspector.has_table(table.name, schema=table.schema):
                    missing.append(table.name)
                    continue
                columns = {column["name"] for column in inspector.get_columns(table.name, schema=table.schema)}
                missing += [f"{table.name}.{column.name}" for column in table.c if column.name not in columns]
        if not missing:
            return None
        remedy = "Run the application's migrations, such as `flask db migrate` and `flask db upgrade`."
        return f"The database has no {', '.join(missing)}. {remedy}"


def _running_name(module: str) -> str:
    """Return `__main__` if Python runs the file of this module, which would otherwise be imported a second time."""
    main = sys.modules.get("__main__")
    file, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    return "__main__" if spec is None and file is not None and Path(file).stem == module else module


def _is_being_imported(module: str) -> bool:
    """Return True if the module, or a package around it, has not run to its end. It may need what is defined after now."""
    parts = module.split(".")
    around = [sys.modules.get(".".join(parts[: count + 1])) for count in range(len(parts))]
    return any(getattr(getattr(package, "__spec__", None), "_initializing", False) for package in around)


def _no_engine() -> Engine:
    raise ConfigurationError("The database is not open yet.")
