"""Clocks that are wrong for a moment: nothing that is valid is deleted, and nothing that was revoked is valid again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.revocation.running_app import DAY, RunningApp, running_app, wait_for_max_lag
from tests.servers.process import free_port

pytestmark = pytest.mark.xdist_group("timing")

WORKERS = 2
"""Of each host. They have the same clock."""

YEAR = 365 * DAY

MOVED_CLOCK = """
import pathlib, time

real, moved = time.time, pathlib.Path(__file__).with_name("seconds")
time.time = lambda: real() + (float(moved.read_text() or 0) if moved.exists() else 0)
"""
"""Python runs this at its start. The clock of the process is then ahead by the seconds in a file."""


class Clock:
    """Clock of the processes that have its folder in PYTHONPATH."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(MOVED_CLOCK)
        self._seconds = folder / "seconds"
        self.settings = {"PYTHONPATH": str(folder)}

    @contextmanager
    def moved(self, seconds: int) -> Iterator[None]:
        """Let the clock be ahead by `seconds` during the block."""
        self._seconds.write_text(str(seconds))
        yield
        self._seconds.unlink()


def rows(running: RunningApp, table: str) -> int:
    with running.database.read() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize("seconds", [YEAR, -YEAR])
def test_a_wrong_clock_deletes_no_record_and_revives_no_session(
    settings: dict[str, str], tmp_path: Path, seconds: int
) -> None:
    """Workers and the command that deletes expired rows have the wrong clock."""
    clock = Clock(tmp_path / "clock")
    with running_app({**settings, **clock.settings}, WORKERS) as running:
        alive, ended = running.sign_in()[1], running.sign_in()[1]
        running.sign_out(ended)
        running.command("sessions", "purge")
        before = {table: rows(running, table) for table in ("genkan_sessions", "revocations", "used_tokens")}
        with clock.moved(seconds):
            for _ in range(3):
                running.command("sessions", "purge")
            assert not running.is_signed_in_anywhere(ended)
        assert {table: rows(running, table) for table in before} == before
        wait_for_max_lag(time.monotonic())
        assert not running.is_signed_in_anywhere(ended)
        assert running.is_signed_in_anywhere(alive)


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_host_with_a_wrong_clock_revokes_what_other_hosts_started(
    settings: dict[str, str], tmp_path: Path, seconds: int
) -> None:
    """Both hosts have the database's clock."""
    clock, port = Clock(tmp_path / "clock"), free_port()
    other = {**settings, **clock.settings, "PORT": str(port), "AUTH_URL": f"http://127.0.0.1:{port}"}
    with running_app(settings, WORKERS) as right, clock.moved(seconds), running_app(other, WORKERS) as wrong:
        user, cookie = right.sign_in()
        assert wrong.is_signed_in_anywhere(cookie)
        wrong.command("users", "disable", user.id)
        wait_for_max_lag(time.monotonic())
        assert not right.is_signed_in_anywhere(cookie)
        assert not wrong.is_signed_in_anywhere(cookie)

        wrong.command("users", "enable", user.id)
        wait_for_max_lag(time.monotonic())
        _, later = right.sign_in(user=user)
        assert right.is_signed_in_anywhere(later)
        assert wrong.is_signed_in_anywhere(later)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_clock_that_is_behind_revokes_all_the_same(settings: dict[str, str], tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    with running_app({**settings, **clock.settings}, WORKERS) as running:
        user, cookie = running.sign_in()
        with clock.moved(-3600):
            running.command("users", "disable", user.id)
        wait_for_max_lag(time.monotonic())
        assert not running.is_signed_in_anywhere(cookie)
