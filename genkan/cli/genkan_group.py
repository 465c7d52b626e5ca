"""The command group `flask genkan`."""

from __future__ import annotations

import secrets

import click
from flask.cli import AppGroup, ScriptInfo

from genkan.cli import sessions, users
from genkan.cli.doctor import doctor
from genkan.cli.group import click_errors, require_database
from genkan.cli.routes import routes
from genkan.cli.templates import template


def create_group() -> AppGroup:
    """Return the group with the commands of the package."""
    group = AppGroup("genkan", help="Sign-in: users, sessions, tables and settings.")
    group.add_command(users.bp.cli, "users")
    group.add_command(sessions.bp.cli, "sessions")
    for command in (doctor, routes, template, upgrade, secret):
        group.add_command(command)
    return group


@click.command()
@click.pass_context
def upgrade(context: click.Context) -> None:
    """Create the tables of Genkan, or migrate them to this release."""
    with click_errors():
        app = context.ensure_object(ScriptInfo).load_app()
        with app.app_context():
            schema = require_database(app)
            if schema is not None:
                schema.upgrade()
    click.echo("The tables are up to date.")


@click.command()
def secret() -> None:
    """Print a new value for AUTH_SECRET."""
    click.echo(secrets.token_urlsafe(48))
