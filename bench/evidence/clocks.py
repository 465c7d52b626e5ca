"""Clocks of the application's hosts that are wrong by a year, or on one of two hosts by an hour."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select, table

from bench.evidence.support.client import Forms
from bench.evidence.support.setting import DATABASES, POSTGRESQL, Options, Row, new_settings
from bench.evidence.support.workers import every_worker, every_worker_after_lag
from tests.revocation.running_app import DAY, WORKERS, RunningApp, running_app
from tests.servers.process import free_port

SESSIONS = 20
USERS = 5
HOUR = 3600
TABLES = ("genkan_sessions", "revocations", "used_tokens")
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


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each database and each wrong time."""
    for database in DATABASES:
        for seconds in (YEAR, -YEAR):
            yield _all_hosts(database, seconds)
    for seconds in (HOUR, -HOUR):
        yield _one_of_two_hosts(seconds)


def _all_hosts(database: str, seconds: int) -> Row:
    """Sign out, then move the clock of workers and commands for a moment, with purges of expired rows."""
    with TemporaryDirectory() as folder, new_settings(database) as settings:
        clock = Clock(Path(folder) / "clock")
        with running_app({**settings, **clock.settings}) as running:
            forms = Forms(running)
            alive, ended = ([running.sign_in()[1] for _ in range(SESSIONS)] for _ in range(2))
            signed_out = sum(forms.sign_out(cookie).status_code == 303 for cookie in ended)
            assert signed_out == SESSIONS
            before = _rows(running)
            with clock.moved(seconds):
                for _ in range(3):
                    running.command("sessions", "purge")
                with every_worker_after_lag(running, time.monotonic()) as workers:
                    revived = sum(workers.accepting(cookie) for cookie in ended)
            deleted = before - _rows(running)
            with every_worker_after_lag(running, time.monotonic()) as workers:
                revived += sum(workers.accepting(cookie) for cookie in ended)
                lost = sum(workers.accepting(cookie) != WORKERS for cookie in alive)
    return Row(
        f"clocks: all hosts a year {'ahead' if seconds > 0 else 'behind'} for a moment",
        database,
        f"{SESSIONS} sessions that live, {SESSIONS} that are revoked, 3 purges",
        f"revoked sessions accepted: {revived}. Sessions lost afterwards: {lost}. Rows deleted too early: {deleted}",
    )


def _one_of_two_hosts(seconds: int) -> Row:
    """Disable users on the wrong host, enable them there, and sign them in on the right one."""
    with TemporaryDirectory() as folder, new_settings(POSTGRESQL) as settings:
        clock, port = Clock(Path(folder) / "clock"), free_port()
        other = {**settings, **clock.settings, "PORT": str(port), "AUTH_URL": f"http://127.0.0.1:{port}"}
        with running_app(settings) as right, clock.moved(seconds), running_app(other) as wrong:
            created = [right.sign_in(age=2) for _ in range(USERS)]
            for user, _ in created:
                wrong.command("users", "disable", user.id)
            accepted = _accepting((right, wrong), [cookie for _, cookie in created])
            for user, _ in created:
                wrong.command("users", "enable", user.id)
            time.sleep(1)
            later = [right.sign_in(user=user)[1] for user, _ in created]
            lost = 2 * WORKERS * USERS - _accepting((right, wrong), later)
    return Row(
        f"clocks: one of two hosts an hour {'ahead' if seconds > 0 else 'behind'}",
        POSTGRESQL,
        f"{USERS} users disabled, enabled and signed in again, {2 * WORKERS} workers",
        f"revoked sessions accepted: {accepted}. New sessions refused: {lost}",
    )


def _accepting(hosts: tuple[RunningApp, RunningApp], cookies: list[str]) -> int:
    """Return the number of acceptances on all workers of both hosts, after MAX_LAG seconds."""
    time.sleep(1)
    count = 0
    for host in hosts:
        with every_worker(host) as workers:
            count += sum(workers.accepting(cookie) for cookie in cookies)
    return count


def _rows(running: RunningApp) -> int:
    with running.database.read() as session:
        counts = [select(func.count()).select_from(table(name)) for name in TABLES]
        return sum(session.execute(count).scalar_one() for count in counts)
