"""Run the migrations in the application's database."""

from __future__ import annotations

from logging.config import fileConfig
from typing import Any

from alembic import context
from flask import current_app

fileConfig(context.config.config_file_name, disable_existing_loggers=False)
db = current_app.extensions["migrate"].db


def leave_out_empty(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Write no script if nothing has changed."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


with db.engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        process_revision_directives=leave_out_empty,
        **{
            name: value
            for name, value in current_app.extensions["migrate"].configure_args.items()
            if name != "process_revision_directives"
        },
    )
    with context.begin_transaction():
        context.run_migrations()
