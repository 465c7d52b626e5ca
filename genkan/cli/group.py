"""Base of the commands: configuration and database errors are shown as one sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click
from flask import Flask
from flask.cli import AppGroup, ScriptInfo

from genkan.adapters import Schema
from genkan.core import Core
from genkan.errors import AdapterError, ConfigurationError
from genkan.web.state import get_state

P = ParamSpec("P")
R = TypeVar("R")


def cli_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Inside a command, turn ConfigurationError and AdapterError into `click.ClickException`."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if click.get_current_context(silent=True) is None:
            return function(*args, **kwargs)
        with click_errors():
            return function(*args, **kwargs)

    return wrapper


class Command(click.Command):
    """Command that needs the database with the current schema."""

    def invoke(self, ctx: click.Context) -> Any:
        """Check the schema, then run the command."""
        with click_errors():
            app = ctx.ensure_object(ScriptInfo).load_app()
            with app.app_context():
                schema = require_database(app)
                problem = schema.problem() if schema else None
            if problem is not None:
                raise ConfigurationError(problem)
            return super().invoke(ctx)


class Group(AppGroup):
    """Group of commands that need the database."""

    command_class = Command


def require_database(app: Flask) -> Schema | None:
    """Return the tables. Raises ConfigurationError without a database, and for an invalid setting."""
    state = get_state(app)
    leave_mails(state.core)
    if state.core.is_stateless:
        raise ConfigurationError("Genkan(database=None): there is no database, so this command has nothing to work on.")
    return state.schema


def leave_mails(core: Core) -> None:
    """Leave the mails that wait to a server: a command ends soon, and the tables may not be there yet."""
    if core.email is not None:
        core.email.mailer.sender.stop()


@contextmanager
def click_errors() -> Iterator[None]:
    """Turn ConfigurationError and AdapterError into `click.ClickException`."""
    try:
        yield
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    except AdapterError as error:
        # Imported here, because without a database SQLAlchemy may be absent.
        from genkan.adapters.sqlalchemy import describe_error  # noqa: PLC0415

        raise click.ClickException(describe_error(error)) from error
