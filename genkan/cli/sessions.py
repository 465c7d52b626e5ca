"""Commands for operators that list and revoke sessions."""

from __future__ import annotations

from functools import cache

import click
from flask import Blueprint

from genkan.actions.users import (
    list_all_sessions,
    list_sessions,
    purge,
    revoke_any_session,
    revoke_everyone,
    revoke_sessions,
)
from genkan.cli.group import Group
from genkan.cli.users import find_user, format_time, get_user
from genkan.web.context import get_core

bp = Blueprint("sessions", __name__, cli_group="sessions")
bp.cli = Group()

DEFAULT_LIMIT = 1000
"""Sessions that `list` shows without `--limit`."""


@bp.cli.command("list")
@click.option("--user", metavar="EMAIL_OR_ID", help="Only sessions of the user with this address or id.")
@click.option(
    "--limit", default=DEFAULT_LIMIT, show_default=True, help="Maximum number of sessions, the last used first."
)
def list_command(user: str | None, limit: int) -> None:
    """List active sessions.

    Columns: session id, IP address, device, user, provider, created, last seen (to a few minutes), expires. Times are
    in UTC.
    """
    records = list_sessions(get_user(user).id, get_core())[:limit] if user else list_all_sessions(limit, get_core())
    user_name = cache(_user_name)
    for record in records:
        times = (format_time(time) for time in (record.created, record.last_seen, record.expires))
        fields = (
            record.id,
            record.ip_address or "-",
            record.device,
            user_name(record.user_id),
            record.provider,
            *times,
        )
        click.echo("\t".join(fields))


# A session id may begin with a dash, which must not make it an option.
@bp.cli.command("end", context_settings={"ignore_unknown_options": True})
@click.argument("sid", required=False)
@click.option("--user", metavar="EMAIL_OR_ID", help="All sessions of the user with this address or id.")
@click.option("--everyone", is_flag=True, help="All sessions of all users.")
def revoke(sid: str | None, user: str | None, everyone: bool) -> None:
    """Revoke the session SID, or several. Running workers refuse a revoked session within a second."""
    if sum((sid is not None, user is not None, everyone)) != 1:
        raise click.UsageError("Give exactly one of SID, --user EMAIL_OR_ID or --everyone.")
    if sid is not None:
        count = _revoke_one(sid)
    elif user is not None:
        count = revoke_sessions(_user_id(user), get_core(), "owner")
    else:
        count = revoke_everyone(get_core())
    click.echo(f"Revoked: {count}.")


@bp.cli.command("purge")
def purge_sessions() -> None:
    """Delete expired rows. Workers also do this by themselves, a few rows at a time."""
    click.echo(f"Rows deleted: {purge(get_core())}.")


def _revoke_one(sid: str) -> int:
    # Also without a record, which may be lost.
    if revoke_any_session(sid, get_core()):
        return 1
    click.echo(f"There is no active record of {sid}. If there is such a session, it is revoked.")
    return 0


def _user_id(email_or_id: str) -> str:
    # Sessions can outlive a user who was deleted without Genkan, so an id without a user is accepted.
    user = find_user(email_or_id) if "@" not in email_or_id else get_user(email_or_id)
    return user.id if user else email_or_id


def _user_name(user_id: str) -> str:
    user = get_core().adapter.get_user(user_id)
    return user_id if user is None else user.email or user_id
