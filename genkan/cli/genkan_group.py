"""The command group `flask genkan`."""

from __future__ import annotations

import secrets

import click
from flask.cli import AppGroup, ScriptInfo, with_appcontext

from genkan.cli import sessions, users
from genkan.cli.group import click_errors
from genkan.web.context import app_state
from genkan.web.state import get_state


def create_group() -> AppGroup:
    """Return the group with the commands of the package."""
    group = AppGroup("genkan", help="Sign-in: users, sessions, tables and settings.")
    group.add_command(users.bp.cli, "users")
    group.add_command(sessions.bp.cli, "sessions")
    for command in (upgrade, secret, doctor, routes):
        group.add_command(command)
    return group


@click.command()
@click.pass_context
def upgrade(context: click.Context) -> None:
    """Create the tables of Genkan, or migrate them to this release."""
    with click_errors():
        app = context.ensure_object(ScriptInfo).load_app()
        with app.app_context():
            schema = get_state(app).schema
            if schema is not None:
                schema.upgrade()
    click.echo("The tables are up to date.")


@click.command()
def secret() -> None:
    """Print a new value for AUTH_SECRET."""
    click.echo(secrets.token_urlsafe(48))


@click.command()
@with_appcontext
def doctor() -> None:
    """Check the settings, and show the URLs to register with each provider."""
    with click_errors():
        core = app_state().core
    click.echo(f"Origin: {core.origin}")
    for provider in core.providers.values():
        click.echo(f"{provider.name}: register {core.action_url(f'/callback/{provider.id}')}")
    if not core.providers:
        click.echo(
            "AUTH_<PROVIDER>_ID: none is set, so users can't sign in. Set one, and AUTH_<PROVIDER>_SECRET with it."
        )
        raise click.exceptions.Exit(1)


@click.command()
@with_appcontext
def routes() -> None:
    """List the application's own views that accept unsafe methods, with "strict" if they need a session and a token."""
    from flask import current_app  # noqa: PLC0415

    state = app_state()
    for rule in current_app.url_map.iter_rules():
        unsafe = sorted((rule.methods or set()) - {"GET", "HEAD", "OPTIONS"})
        if unsafe and not state.is_own(rule.endpoint):
            protection = "strict" if state.strict else "open"
            click.echo(f"{','.join(unsafe)}\t{rule.rule}\t{rule.endpoint}\t{protection}")
