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
    """Show everybody: address, whether a provider vouches for it, role, name and id."""
    for user in people():
        proven = "verified" if user.email_verified else "unverified"
        click.echo(f"{user.email or '-'}\t{proven}\t{user.role or '-'}\t{user.name or '-'}\t{user.id}")


@bp.cli.command("role")
@click.argument("email")
@click.argument("role")
@click.option("--unverified", is_flag=True, help="Even though no provider vouches that the address is theirs.")
def change_role(email: str, role: str, unverified: bool) -> None:
    """Give the user with EMAIL the ROLE; it enters their session at their next sign-in."""
    if not ROLE.fullmatch(role):
        raise click.ClickException("A role is a word of at most 50 letters, digits, - and _.")
    known = next((user for user in people() if (user.email or "").lower() == email.lower()), None)
    if known is not None and known.email_verified is None and not unverified:
        # Whoever comes first with an unproven address would get what was meant for its owner.
        raise click.ClickException(
            f"No provider vouches that {email} is theirs. If you know that it is, add --unverified."
        )
    user = set_role(email, role)
    if user is None:
        raise click.ClickException(f"Nobody is stored under {email}. `flask --app app users list` shows everybody.")
    click.echo(f"{user.email} is now {user.role}.")
