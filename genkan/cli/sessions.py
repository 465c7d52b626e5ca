"""For owners, on the command line: who is signed in where, and how to end it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import click
from flask import Blueprint

from genkan.actions.users import list_all_sessions, list_sessions, purge, revoke_session, revoke_sessions
from genkan.cli.group import Group
from genkan.web.context import get_core

bp = Blueprint("sessions", __name__, cli_group="sessions")
bp.cli = Group()

DEFAULT_LIMIT = 1000
"""Sessions that are shown unless more are asked for."""


@bp.cli.command("list")
@click.option("--user", "email", metavar="EMAIL", help="Only those of the user with this address.")
@click.option("--limit", default=DEFAULT_LIMIT, show_default=True, help="At most so many, those that were seen last.")
def list_command(email: str | None, limit: int) -> None:
    """Show live sessions, with times in UTC.

    Name, address, device, user, provider, when it began, when it was last seen (to a few minutes), and when it ends.
    """
    records = list_sessions(_id_of(email), get_core())[:limit] if email else list_all_sessions(limit, get_core())
    called = cache(_called)
    for record in records:
        times = (_written(moment) for moment in (record.created, record.last_seen, record.expires))
        fields = (record.id, record.ip_address or "-", record.device, called(record.user_id), record.provider, *times)
        click.echo("\t".join(fields))


# A name may begin with a dash, and is no option for that.
@bp.cli.command("end", context_settings={"ignore_unknown_options": True})
@click.argument("sid", required=False)
@click.option("--user", "email", metavar="EMAIL", help="Every session of the user with this address.")
@click.option("--everyone", is_flag=True, help="Every session of everybody who is kept here.")
def end(sid: str | None, email: str | None, everyone: bool) -> None:
    """End the session SID, or several; running workers know within a second."""
    if sum((sid is not None, email is not None, everyone)) != 1:
        raise click.UsageError("Say which: SID, --user EMAIL or --everyone.")
    if sid is not None:
        ended = _end_one(sid)
    elif email is not None:
        ended = revoke_sessions(_id_of(email), get_core(), "owner")
    else:
        ended = sum(revoke_sessions(user.id, get_core(), "owner") for user in get_core().adapter.list_users())
    click.echo(f"Ended: {ended}.")


@bp.cli.command("purge")
def purge_sessions() -> None:
    """Drop what is over from the tables; workers do that by themselves, a little at a time."""
    click.echo(f"Rows dropped: {purge(get_core())}.")


def _end_one(sid: str) -> int:
    record = get_core().sessions.store.get(sid)
    if record is None:
        raise click.ClickException(f"There is no session {sid}. `flask --app app sessions list` shows them.")
    if record.revoked_at is not None:
        return 0
    return int(revoke_session(record.user_id, sid, get_core(), "owner"))


def _id_of(email: str) -> str:
    user = get_core().adapter.get_user_by_email(email)
    if user is None:
        raise click.ClickException(f"Nobody is stored under {email}. `flask --app app users list` shows everybody.")
    return user.id


def _called(user_id: str) -> str:
    user = get_core().adapter.get_user(user_id)
    return user_id if user is None else user.email or user_id


def _written(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
