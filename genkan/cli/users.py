"""Commands for operators that list, change, disable and delete users."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click
from flask import Blueprint

from genkan.actions.second_factor.change import reset
from genkan.actions.users import delete, disable, enable, release_address, set_role
from genkan.claims import normalize_email
from genkan.cli.group import Group
from genkan.errors import LastAccountError
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
@click.argument("email_or_id")
@click.argument("role")
@click.option("--unverified", is_flag=True, help="Allow a user without an address that a provider has verified.")
def change_role(email_or_id: str, role: str, unverified: bool) -> None:
    """Set the ROLE of the user with this address or id. It takes effect in the user's sessions within a second."""
    if not ROLE.fullmatch(role):
        raise click.ClickException("A role is a word of at most 50 letters, digits, - and _.")
    user = get_user(email_or_id)
    if user.email_verified is None and not unverified:
        # An unverified address or a name may be another person's, who would keep the role.
        raise click.ClickException(
            f"No provider has verified an address of {label(user)}. If you know that it is the right user, add "
            "--unverified."
        )
    user = _require(set_role(user.id, role, get_core()), email_or_id)
    click.echo(f"{label(user)} is now {user.role}.")


@bp.cli.command("release-address")
@click.argument("address")
def release(address: str) -> None:
    """Remove ADDRESS from the user who has it.

    A provider may give the address of a user to another person, who is then refused here. After this command that
    person can sign in. The user keeps the account, and has no address until a sign-in with a new one. In an application
    with users of its own, change the address of its own user too.
    """
    owner = get_core().adapter.get_user_by_email(normalize_email(address) or address)
    user = _require(release_address(owner.id, get_core()) if owner else None, address)
    click.echo(f"{label(user)} has no address now.")


@bp.cli.command("disable")
@click.argument("email_or_id")
def disable_user(email_or_id: str) -> None:
    """Disable the user with this address or id. All sessions are revoked within a second, and sign-ins are refused."""
    user = _require(disable(get_user(email_or_id).id, get_core()), email_or_id)
    click.echo(f"{label(user)} is disabled and signed out everywhere.")


@bp.cli.command("enable")
@click.argument("email_or_id")
def enable_user(email_or_id: str) -> None:
    """Enable the user with this address or id, who can sign in again then."""
    user = _require(enable(get_user(email_or_id).id, get_core()), email_or_id)
    click.echo(f"{label(user)} can sign in again.")


@bp.cli.command("delete")
@click.argument("email_or_id")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete_user(email_or_id: str, yes: bool) -> None:
    """Delete the user with this address or id and all stored data. All sessions are revoked within a second."""
    user = get_user(email_or_id)
    if not yes:
        click.confirm(f"Delete {user.email or user.id} ({user.name or 'no name'}) and all stored data?", abort=True)
    delete(user.id, get_core())
    click.echo(f"{label(user)} has been deleted.")


@bp.cli.command("reset-factor")
@click.argument("email_or_id")
def reset_factor(email_or_id: str) -> None:
    """Remove the second factor of the user with this address or id, who has lost it. Make sure first that it is the user.

    Recovery codes and trusted devices are removed as well. The user is told by mail.
    """
    user, core = get_user(email_or_id), get_core()
    if core.second_factor is None:
        raise click.ClickException("Second factors are off. Set AUTH_TOTP=on.")
    if not reset(user, core, core.second_factor):
        raise click.ClickException(f"{label(user)} has no second factor.")
    click.echo(f"{label(user)} has no second factor any more.")


@bp.cli.command("remove-passkey")
@click.argument("email_or_id")
@click.argument("passkey_id", required=False)
@click.option("--last", is_flag=True, help="Remove it also if the user can't sign in without it.")
def remove_passkey(email_or_id: str, passkey_id: str | None, last: bool) -> None:
    """Remove a passkey of the user with this address or id. Without PASSKEY_ID, list the passkeys.

    Columns: id, name, "synced" or "one device", created, last used. Times are in UTC. Sessions that were started with the
    passkey go on. The user is told by mail.
    """
    # Imported here, because an application without passkeys needs none of it.
    from genkan.actions.passkey.manage import remove_for_operator  # noqa: PLC0415

    user, core = get_user(email_or_id), get_core()
    if core.passkeys is None:
        raise click.ClickException("Passkeys are off. Set AUTH_PASSKEYS=on, and AUTH_URL to a host that has a name.")
    if passkey_id is None:
        for passkey in core.passkeys.store.list(user.id):
            times = (format_time(time) if time else "-" for time in (passkey.created_at, passkey.last_used_at))
            kind = "synced" if passkey.is_synced else "one device"
            click.echo("\t".join((passkey.credential_id, passkey.name or "-", kind, *times)))
        return
    try:
        is_removed = remove_for_operator(user, passkey_id, core, allow_last=last)
    except LastAccountError:
        raise click.ClickException(
            f"{label(user)} can't sign in without this passkey. If that is intended, add --last."
        ) from None
    if not is_removed:
        raise click.ClickException(f"{label(user)} has no passkey with this id. Leave it out to list them.")
    click.echo(f"The passkey of {label(user)} has been removed.")


def get_user(email_or_id: str) -> User:
    """Return the user with this address, else the one with this id. Raises ClickException if there is none."""
    return _require(find_user(email_or_id), email_or_id)


def find_user(email_or_id: str) -> User | None:
    """Return the user with this address, else the one with this id. None if there is none."""
    adapter = get_core().adapter
    return adapter.get_user_by_email(normalize_email(email_or_id) or email_or_id) or adapter.get_user(email_or_id)


def label(user: User) -> str:
    """Return the user's address, else the name and the id. A name alone could look like another user's address."""
    return user.email or (f"{user.name} ({user.id})" if user.name else user.id)


def format_time(time: int) -> str:
    """Return a time in seconds since 1970 as text in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _require(user: User | None, email_or_id: str) -> User:
    if user is None:
        # The groups are below `flask` in the reference application, and below `flask genkan` elsewhere.
        command = click.get_current_context().command_path.rsplit(" ", 2)[0]
        raise click.ClickException(
            f"No user has the address or id {email_or_id}. `{command} users list` shows all users."
        )
    return user
