"""What the owner's commands have in common: what an owner has to mend is told in one sentence, not in a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click
from flask.cli import AppGroup, ScriptInfo

from genkan.adapters.sqlalchemy import describe_error
from genkan.errors import AdapterError, ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")


def cli_errors(make: Callable[P, R]) -> Callable[P, R]:
    """The same function, whose refusals are told as a command's own are; elsewhere they stay what they are."""

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> R:
        if click.get_current_context(silent=True) is None:
            return make(*args, **kwargs)
        with _told():
            return make(*args, **kwargs)

    return made


class Command(click.Command):
    """A command that needs the database as this release has it."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, once it is known that the tables are ours."""
        # Here, since every worker imports this file, and Alembic takes twelve MiB.
        from genkan.adapters.sqlalchemy import migrations  # noqa: PLC0415

        with _told():
            app = ctx.ensure_object(ScriptInfo).load_app()
            migrations.require_current(app.config["DATABASE_URL"])
            return super().invoke(ctx)


class Group(AppGroup):
    """The commands of one blueprint."""

    command_class = Command


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    except AdapterError as error:
        raise click.ClickException(describe_error(error)) from error
