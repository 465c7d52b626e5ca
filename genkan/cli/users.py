"""Commands for operators that list, change, disable and delete users."""

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
    """List all users.

    Columns: e-mail address, "verified" or "unverified", role, name, id, and "disabled" for a disabled user.
    """
    for user in get_core().adapter.list_users():
        verified = "verified" if user.email_verified else "unverified"
        disabled = "\tdisabled" if user.disabled else ""
        click.echo(f"{user.email or '-'}\t{verified}\t{user.role or '-'}\t{user.name or '-'}\t{user.id}{disabled}")


@bp.cli.command("role")
@click.argument("email")
@click.argument("role")
@click.option("--unverified", is_flag=True, help="Allow an address that no provider has verified.")
def change_role(email: str, role: str, unverified: bool) -> None:
    """Set the ROLE of the user with EMAIL. It takes effect in the user's sessions within a second."""
    if not ROLE.fullmatch(role):
        raise click.ClickException("A role is a word of at most 50 letters, digits, - and _.")
    user = _get_user(email)
    if user.email_verified is None and not unverified:
        # An unverified address may belong to another person, who would keep the role.
        raise click.ClickException(
            f"No provider has verified {email}. If you know that it belongs to this user, add --unverified."
        )
    user = _require(set_role(user.id, role, get_core()), email)
    click.echo(f"{user.email} is now {user.role}.")


@bp.cli.command("disable")
@click.argument("email")
def disable_user(email: str) -> None:
    """Disable the user with EMAIL. All sessions are revoked within a second, and sign-ins are refused."""
    user = _require(disable(_get_user(email).id, get_core()), email)
    click.echo(f"{user.email} is disabled and signed out everywhere.")


@bp.cli.command("enable")
@click.argument("email")
def enable_user(email: str) -> None:
    """Enable the user with EMAIL, who can sign in again then."""
    user = _require(enable(_get_user(email).id, get_core()), email)
    click.echo(f"{user.email} can sign in again.")


@bp.cli.command("delete")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete_user(email: str, yes: bool) -> None:
    """Delete the user with EMAIL and all stored data. All sessions are revoked within a second."""
    user = _get_user(email)
    if not yes:
        click.confirm(f"Delete {user.email} ({user.name or 'no name'}) and all stored data?", abort=True)
    delete(user, get_core())
    click.echo(f"{user.email} has been deleted.")


def _get_user(email: str) -> User:
    return _require(get_core().adapter.get_user_by_email(email), email)


def _require(user: User | None, email: str) -> User:
    if user is None:
        raise click.ClickException(f"No user has the address {email}. `flask --app app users list` shows all users.")
    return user
