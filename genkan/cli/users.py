"""For owners, on the command line: who is here, in which role, and who may not come in."""

from __future__ import annotations

import re

import click
from flask import Blueprint

from genkan.actions.users import delete, disable, enable, set_role
from genkan.cli.group import Group
from genkan.types import User
from genkan.web.context import get_core

ROLE = re.compile(r"[A-Za-z0-9_-]{1,50}")

bp = Blueprint("users", __name__, cli_group="users")
bp.cli = Group()


@bp.cli.command("list")
def list_command() -> None:
    """Show everybody: address, whether a provider vouches for it, role, name, id, and "disabled" for whom that is so."""
    for user in get_core().adapter.list_users():
        proven = "verified" if user.email_verified else "unverified"
        disabled = "\tdisabled" if user.disabled else ""
        click.echo(f"{user.email or '-'}\t{proven}\t{user.role or '-'}\t{user.name or '-'}\t{user.id}{disabled}")


@bp.cli.command("role")
@click.argument("email")
@click.argument("role")
@click.option("--unverified", is_flag=True, help="Even though no provider vouches that the address is theirs.")
def change_role(email: str, role: str, unverified: bool) -> None:
    """Give the user with EMAIL the ROLE; their sessions have it within a second, without signing in again."""
    if not ROLE.fullmatch(role):
        raise click.ClickException("A role is a word of at most 50 letters, digits, - and _.")
    user = _stored(email)
    if user.email_verified is None and not unverified:
        # The first user to sign in with an unproven address would get what was meant for its owner.
        raise click.ClickException(
            f"No provider vouches that {email} is theirs. If you know that it is, add --unverified."
        )
    user = _found(set_role(user.id, role, get_core()), email)
    click.echo(f"{user.email} is now {user.role}.")


@bp.cli.command("disable")
@click.argument("email")
def disable_user(email: str) -> None:
    """Keep the user with EMAIL out: their sessions end, everywhere within a second, and no new one begins."""
    user = _found(disable(_stored(email).id, get_core()), email)
    click.echo(f"{user.email} is disabled and signed out everywhere.")


@bp.cli.command("enable")
@click.argument("email")
def enable_user(email: str) -> None:
    """Let the user with EMAIL sign in again."""
    user = _found(enable(_stored(email).id, get_core()), email)
    click.echo(f"{user.email} may sign in again.")


@bp.cli.command("delete")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Without asking.")
def delete_user(email: str, yes: bool) -> None:
    """Delete the user with EMAIL and all that is kept of them; their sessions end everywhere within a second."""
    user = _stored(email)
    if not yes:
        click.confirm(f"Delete {user.email} ({user.name or 'no name'}) and all that is kept of them?", abort=True)
    delete(user, get_core())
    click.echo(f"{user.email} is gone.")


def _stored(email: str) -> User:
    return _found(get_core().adapter.get_user_by_email(email), email)


def _found(user: User | None, email: str) -> User:
    if user is None:
        raise click.ClickException(f"Nobody is stored under {email}. `flask --app app users list` shows everybody.")
    return user
