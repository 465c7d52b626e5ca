"""Revocation with four real workers: in force on all of them within a second, and written once."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import requests
from sqlalchemy import text

from genkan.adapters.sessions import SessionRecord
from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore, models
from genkan.crypto.sealer import Sealer
from genkan.session.revocation_list import MAX_LAG
from genkan.session.strategies import DatabaseStrategy, JWTStrategy, Strategy
from genkan.settings.environment import ROOT
from genkan.types import Account, User
from tests.databases import LIFETIME
from tests.servers.server import Server, alone, environment, serving

pytestmark = pytest.mark.xdist_group("timing")

WORKERS = 4
DAY = 86_400
COOKIE = "authjs.session-token"


class RunningApp:
    """Running application, with access to its database to create sessions directly."""

    def __init__(self, server: Server, settings: dict[str, str]) -> None:
        self.origin, self.settings = server.origin, settings
        self.database = Database(settings["DATABASE_URL"])
        tables = models.User, models.Account, models.UsedToken
        self.adapter = SQLAlchemyAdapter(self.database, *tables, seal=str, open=str)
        self.store = SQLAlchemySessionStore(
            self.database,
            users=models.User,
            sessions=models.SessionRecord,
            revocations=models.Revocation,
            activity=models.Activity,
            lifetime=LIFETIME,
            seal=str,
            open=str,
        )
        self._made = 0

    def sign_in(self, age: int = 0, user: User | None = None) -> tuple[User, str]:
        """Create a session whose token was made `age` seconds ago. Return its user and its cookie."""
        now = int(time.time()) - age
        self._made += 1
        name = f"user-{self._made}"
        if user is None:
            profile = User(name, name, f"{name}@example.org", role="user")
            user, _ = self.adapter.create_user(profile, Account("oidc", name, "oidc"))
        claims: dict[str, Any] = {
            "sub": user.id,
            "name": name,
            "role": "user",
            "sid": f"sid of {name}",
            "session_start": now,
        }
        record = SessionRecord(
            id=claims["sid"],
            user_id=user.id,
            provider="oidc",
            created=now,
            last_seen=now,
            expires=now + 30 * DAY,
            absolute_expires=now + LIFETIME,
            device="a test",
        )
        return user, self._strategy(lambda: now).create(claims, 30 * DAY, record)[0]

    def ask(self, cookie: str, method: str = "GET", path: str = "/api/auth/session", **given: Any) -> requests.Response:
        """Send a request on a new connection, so that any worker may answer it."""
        headers = {"Cookie": f"{COOKIE}={cookie}", "Connection": "close", **given.pop("headers", {})}
        return requests.request(method, self.origin + path, headers=headers, allow_redirects=False, timeout=20, **given)

    def user(self, cookie: str) -> dict[str, Any] | None:
        session = self.ask(cookie).json()
        return session and dict(session["user"])

    def sign_out(self, cookie: str) -> None:
        token = requests.get(f"{self.origin}/api/auth/csrf", timeout=20)
        pair = f"authjs.csrf-token={token.cookies['authjs.csrf-token']}"
        response = requests.post(
            f"{self.origin}/api/auth/signout",
            data={"csrfToken": token.json()["csrfToken"]},
            headers={"Cookie": f"{COOKIE}={cookie}; {pair}"},
            allow_redirects=False,
            timeout=20,
        )
        assert response.status_code == 303

    def warm(self, cookie: str) -> None:
        """Make every worker cache the token."""
        assert all(run_parallel(lambda _: self.user(cookie), 40))

    def command(self, *arguments: str) -> str:
        """Run a command of the application's operator in a separate process."""
        done = subprocess.run(
            alone(["-m", "flask", "--app", "app", *arguments], self.settings),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def _strategy(self, clock: Callable[[], float]) -> Strategy:
        if self.settings["AUTH_SESSION_STRATEGY"] == "database":
            return DatabaseStrategy(self.store, clock)
        return JWTStrategy(Sealer((self.settings["AUTH_SECRET"],), COOKIE, clock), self.store, clock)


@pytest.fixture(name="running", scope="module", params=["jwt", "database"])
def _running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    settings = {
        **environment(tmp_path_factory.mktemp("app")),
        "WEB_CONCURRENCY": str(WORKERS),
        "AUTH_SESSION_STRATEGY": request.param,
    }
    with serving(["-m", "deploy.serve"], settings) as server:
        running = RunningApp(server, settings)
        with closing(running.database):
            yield running


def run_parallel(function: Callable[[int], object], times: int) -> list[object]:
    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(function, range(times)))


def wait_for_max_lag(since: float) -> None:
    """Sleep until MAX_LAG seconds after `since`."""
    time.sleep(max(0.0, since + MAX_LAG - time.monotonic()))


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
    running.store.revoke_others(user.id, None, "owner", int(time.time()))
    wait_for_max_lag(time.monotonic())
    assert run_parallel(lambda _: (running.user(cookie), running.user(other)), 40) == [(None, None)] * 40
    assert all(run_parallel(lambda _: running.user(other_user), 40))


def test_a_disabled_user_is_signed_out_on_all_workers(running: RunningApp) -> None:
    user, cookie = running.sign_in()
    running.warm(cookie)
    now = int(time.time())
    running.adapter.update_user(user.id, disabled=True)
    running.store.revoke_others(user.id, None, "disabled", now)
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
