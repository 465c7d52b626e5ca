"""For owners, on the command line: who is here, and in which role."""

from __future__ import annotations

import re

import click
from flask import Blueprint

from auth import people, set_role

ROLE = re.compile(r"[A-Za-z0-9_-]{1,50}")

bp = Blueprint("users", __name__, cli_group="users")


@bp.cli.command("list")
def list_users() -> None:
    """Show everybody: address, role, name and id."""
    for user in people():
        click.echo(f"{user.email or '-'}\t{user.role or '-'}\t{user.name or '-'}\t{user.id}")


@bp.cli.command("role")
@click.argument("email")
@click.argument("role")
def change_role(email: str, role: str) -> None:
    """Give the user with EMAIL the ROLE; it enters their session at their next sign-in."""
    if not ROLE.fullmatch(role):
        raise click.ClickException("A role is a word of at most 50 letters, digits, - and _.")
    user = set_role(email, role)
    if user is None:
        raise click.ClickException(f"Nobody is stored under {email}. `flask --app app users list` shows everybody.")
    click.echo(f"{user.email} is now {user.role}.")
