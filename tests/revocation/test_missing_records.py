"""Sessions whose record is missing are revoked all the same, on every worker."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text

from tests.revocation.running_app import RunningApp, wait_for_max_lag

pytestmark = pytest.mark.xdist_group("timing")


@pytest.mark.parametrize(
    "command",
    [
        ("sessions", "end", "--user"),
        ("sessions", "end", "--everyone"),
        ("users", "disable"),
        ("users", "delete", "--yes"),
    ],
    ids=" ".join,
)
def test_a_command_revokes_a_session_whose_record_was_lost(running: RunningApp, command: tuple[str, ...]) -> None:
    """As after a backup was restored."""
    user, cookie = running.sign_in()
    running.warm(cookie)
    running.database.run(lambda session: session.execute(text("DELETE FROM genkan_sessions")))
    assert running.is_signed_in_anywhere(cookie)

    running.command(*command, *([] if "--everyone" in command else [user.id]))
    wait_for_max_lag(time.monotonic())
    assert not running.is_signed_in_anywhere(cookie)


def test_a_session_that_starts_after_the_command_is_valid(running: RunningApp) -> None:
    user, cookie = running.sign_in(age=1)
    running.command("sessions", "end", "--everyone")
    wait_for_max_lag(time.monotonic())
    _, later = running.sign_in(user=user)
    assert not running.is_signed_in_anywhere(cookie)
    assert running.is_signed_in_anywhere(later)
