"""A transaction that commits long after later ones: no worker misses its revocation."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text

from tests.revocation.running_app import RunningApp, wait_for_max_lag

pytestmark = pytest.mark.xdist_group("timing")

HELD_SECONDS = 15
"""Longer than any time that a reader could look back."""

REVOKE = text("INSERT INTO revocations (kind, subject, at, until) VALUES ('session', :sid, 1, 99999999999)")


@pytest.mark.parametrize("running", ["postgresql"], indirect=True)
def test_a_revocation_that_commits_after_fifteen_seconds_is_in_force_a_second_later(running: RunningApp) -> None:
    """PostgreSQL gives it a lower id than the revocations that commit meanwhile."""
    cookies = [running.sign_in()[1] for _ in range(3)]
    for cookie in cookies:
        running.warm(cookie)
    with running.database.write() as session:
        session.execute(REVOKE, {"sid": "sid of user-1"})
        started = time.monotonic()
        running.sign_out(cookies[1])
        wait_for_max_lag(time.monotonic())
        assert not running.is_signed_in_anywhere(cookies[1])
        time.sleep(max(0.0, started + HELD_SECONDS - time.monotonic()))
        assert running.is_signed_in_anywhere(cookies[0])
    wait_for_max_lag(time.monotonic())
    assert not running.is_signed_in_anywhere(cookies[0])
    assert running.is_signed_in_anywhere(cookies[2])
