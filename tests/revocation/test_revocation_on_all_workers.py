"""Revocation with four real workers: in force on all of them within a second, and written once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
from sqlalchemy import text

from tests.revocation.running_app import COOKIE, DAY, RunningApp, run_parallel, running_app, wait_for_max_lag
from tests.servers.server import environment

pytestmark = pytest.mark.xdist_group("timing")


@pytest.fixture(name="running", scope="module", params=["jwt", "database"])
def _running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    settings = {**environment(tmp_path_factory.mktemp("app")), "AUTH_SESSION_STRATEGY": request.param}
    with running_app(settings) as running:
        yield running


def test_a_copied_cookie_is_refused_on_all_workers_a_second_after_sign_out(running: RunningApp) -> None:
    _, cookie = running.sign_in()
    running.warm(cookie)
    running.sign_out(cookie)
    wait_for_max_lag(time.monotonic())
    assert run_parallel(lambda _: running.user(cookie), 200) == [None] * 200


def test_a_response_that_arrives_after_the_sign_out_restores_no_session(running: RunningApp) -> None:
    """Set a cookie that was extended before the sign-out and arrives after it."""
    _, cookie = running.sign_in(age=2 * DAY)
    late = running.ask(cookie).cookies.get(COOKIE)
    assert late
    running.sign_out(cookie)
    wait_for_max_lag(time.monotonic())
    assert run_parallel(lambda _: running.user(late), 60) == [None] * 60


def test_of_fifty_concurrent_requests_one_extends_the_session(running: RunningApp) -> None:
    """Send the same old cookie with each request."""
    count = (
        "CREATE TRIGGER counting AFTER UPDATE OF expires ON genkan_sessions BEGIN "
        "INSERT INTO activity (user_id, at, kind) VALUES (new.user_id, 0, 'extended'); END"
    )
    running.database.run(lambda session: session.execute(text("DROP TRIGGER IF EXISTS counting")))
    running.database.run(lambda session: session.execute(text(count)))
    for _ in range(3):
        user, cookie = running.sign_in(age=2 * DAY)
        responses = run_parallel(lambda _, cookie=cookie: running.ask(cookie), 50)  # type: ignore[misc]
        asked = [response for response in responses if isinstance(response, requests.Response)]
        assert all(response.json()["user"]["id"] == user.id for response in asked)
        fresh = {response.cookies.get(COOKIE) for response in asked} - {None}
        assert fresh
        assert all(running.user(str(one)) for one in fresh)
        assert [entry.kind for entry in running.store.list_activity(user.id, 99)].count("extended") == 1  # type: ignore[arg-type]


def test_sessions_revoked_by_the_operator_are_refused_everywhere(running: RunningApp) -> None:
    user, cookie = running.sign_in()
    _, other = running.sign_in(user=user)
    _, other_user = running.sign_in()
    for each in (cookie, other, other_user):
        running.warm(each)
    running.store.revoke_user(user.id)
    wait_for_max_lag(time.monotonic())
    assert run_parallel(lambda _: (running.user(cookie), running.user(other)), 40) == [(None, None)] * 40
    assert all(run_parallel(lambda _: running.user(other_user), 40))


def test_a_disabled_user_is_signed_out_on_all_workers(running: RunningApp) -> None:
    user, cookie = running.sign_in()
    running.warm(cookie)
    running.adapter.update_user(user.id, disabled=True)
    wait_for_max_lag(time.monotonic())
    assert run_parallel(lambda _: running.user(cookie), 60) == [None] * 60


def test_a_new_role_is_in_force_on_all_workers_without_a_new_sign_in(running: RunningApp) -> None:
    user, cookie = running.sign_in()
    running.warm(cookie)
    running.command("users", "role", user.id, "editor", "--unverified")
    wait_for_max_lag(time.monotonic())
    users = run_parallel(lambda _: running.user(cookie), 60)
    assert {str(one["role"]) for one in users if isinstance(one, dict)} == {"editor"}
    assert None not in users


def test_twenty_concurrent_sign_outs_revoke_these_sessions_only(running: RunningApp) -> None:
    """Create revocations whose ids may commit out of order. No worker misses one."""
    for _ in range(3):
        cookies = [running.sign_in()[1] for _ in range(20)]
        stay = running.sign_in()[1]
        run_parallel(lambda number, cookies=cookies: running.sign_out(cookies[number]), 20)  # type: ignore[misc]
        wait_for_max_lag(time.monotonic())
        assert run_parallel(lambda number, cookies=cookies: running.user(cookies[number % 20]), 80) == [None] * 80  # type: ignore[misc]
        assert all(run_parallel(lambda _, stay=stay: running.user(stay), 20))  # type: ignore[misc]
