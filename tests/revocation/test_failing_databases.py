"""A sign-out while the database can't be written says so, and can be completed later, also after every worker was
killed."""

from __future__ import annotations

import re
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import psycopg
import pytest
import requests

from tests.revocation.running_app import COOKIE, RunningApp, running_app, wait_for_max_lag

pytestmark = pytest.mark.xdist_group("timing")


@contextmanager
def unwritable(running: RunningApp) -> Iterator[None]:
    """Let no worker write: the disk is full for SQLite, and PostgreSQL is read-only."""
    url = running.settings["DATABASE_URL"]
    if url.startswith("sqlite"):
        limit_file_size(running, 0)
        yield
        limit_file_size(running, resource.RLIM_INFINITY)
        return
    name = url.rpartition("/")[2]
    set_read_only(url, name, "on")
    yield
    set_read_only(url, name, "off")


def limit_file_size(running: RunningApp, size: int) -> None:
    """Let writes to files beyond `size` fail, as a full disk does."""
    limits = (size, resource.RLIM_INFINITY)
    # First the parent of the workers, so that one that it starts now has the limit too.
    resource.prlimit(running.server.process.pid, resource.RLIMIT_FSIZE, limits)
    for process in running.processes():
        resource.prlimit(process, resource.RLIMIT_FSIZE, limits)


def set_read_only(url: str, name: str, value: str) -> None:
    writable = "-c default_transaction_read_only=off"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True, options=writable) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}'.encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        )


def ticket_in(response: requests.Response) -> str:
    (ticket,) = re.findall(r'name="ticket" value="([^"]+)"', response.text)
    return unescape(ticket)


def test_a_sign_out_that_is_not_stored_says_so_and_can_be_completed(running: RunningApp) -> None:
    _, cookie = running.sign_in()
    _, other = running.sign_in()
    running.warm(cookie)
    with unwritable(running):
        response = running.submit_sign_out(cookie)
        assert response.status_code == 503
        assert "Signed out in this browser only" in response.text
        assert response.cookies.get(COOKIE) is None
        assert f"{COOKIE}=" in response.headers["Set-Cookie"]
        again = running.submit_sign_out("", ticket=ticket_in(response))
        assert again.status_code == 503
        assert running.user(cookie) is not None

    assert running.submit_sign_out(other, ticket=ticket_in(again)).status_code == 303
    wait_for_max_lag(time.monotonic())
    assert not running.is_signed_in_anywhere(cookie)
    assert running.is_signed_in_anywhere(other)


def test_a_program_gets_503_for_a_sign_out_that_is_not_stored(running: RunningApp) -> None:
    _, cookie = running.sign_in()
    with unwritable(running):
        token = requests.get(f"{running.origin}/api/auth/csrf", timeout=20)
        pair = f"authjs.csrf-token={token.cookies['authjs.csrf-token']}"
        response = requests.post(
            f"{running.origin}/api/auth/signout",
            data={"csrfToken": token.json()["csrfToken"]},
            headers={"Cookie": f"{COOKIE}={cookie}; {pair}", "X-Auth-Return-Redirect": "1"},
            timeout=20,
        )
    assert response.status_code == 503
    assert response.json() == {"error": "temporarily_unavailable"}


def test_the_ticket_outlives_the_workers(settings: dict[str, str], tmp_path: Path) -> None:
    """Nothing waits in the memory of a worker, so nothing is lost when all of them are killed."""
    with running_app(settings) as running:
        cookies = [running.sign_in()[1] for _ in range(5)]
        with unwritable(running):
            tickets = [ticket_in(running.submit_sign_out(cookie)) for cookie in cookies]
        running.server.process.stop(signal.SIGKILL)
    with running_app(settings) as running:
        assert all(running.user(cookie) for cookie in cookies)
        for ticket in tickets:
            assert running.submit_sign_out("", ticket=ticket).status_code == 303
        wait_for_max_lag(time.monotonic())
        assert not any(running.is_signed_in_anywhere(cookie) for cookie in cookies)
