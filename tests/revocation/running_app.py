"""Application with four real workers, and access to its database."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import requests

from genkan.adapters.sessions import SessionRecord
from genkan.adapters.sqlalchemy import Database
from genkan.crypto.sealer import Sealer
from genkan.session.revocation_list import MAX_LAG
from genkan.session.strategies import DatabaseStrategy, JWTStrategy, Strategy
from genkan.settings.environment import ROOT
from genkan.types import Account, User
from tests.databases import LIFETIME, adapter_in, store_in
from tests.servers.server import SERVE, Server, alone, serving

WORKERS = 4
DAY = 86_400
COOKIE = "authjs.session-token"


class RunningApp:
    """Running application, with access to its database to create sessions directly."""

    def __init__(self, server: Server, settings: dict[str, str], workers: int) -> None:
        self.requests = 15 * workers
        """Requests on connections of their own, so that every worker answers one."""
        self.server, self.origin, self.settings = server, server.origin, settings
        self.database = Database(settings["DATABASE_URL"])
        self.adapter, self.store = adapter_in(self.database), store_in(self.database)
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
            "auth_time": now,
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
        new = self._strategy(lambda: now).create(claims, 30 * DAY)
        self.store.create(record, claims=new.claims, token_hash=new.token_hash)
        return user, new.cookie_value

    def is_signed_in_anywhere(self, cookie: str) -> bool:
        """Ask every worker."""
        return any(run_parallel(lambda _: self.user(cookie), self.requests))

    def ask(self, cookie: str, method: str = "GET", path: str = "/api/auth/session", **given: Any) -> requests.Response:
        """Send a request on a new connection, so that any worker may answer it."""
        headers = {"Cookie": f"{COOKIE}={cookie}", "Connection": "close", **given.pop("headers", {})}
        return requests.request(method, self.origin + path, headers=headers, allow_redirects=False, timeout=20, **given)

    def user(self, cookie: str) -> dict[str, Any] | None:
        session = self.ask(cookie).json()
        return session and dict(session["user"])

    def sign_out(self, cookie: str) -> None:
        assert self.submit_sign_out(cookie).status_code == 303

    def submit_sign_out(self, cookie: str, **fields: str) -> requests.Response:
        """Send the form of the sign-out with a new CSRF token."""
        token = requests.get(f"{self.origin}/api/auth/csrf", timeout=20)
        pair = f"authjs.csrf-token={token.cookies['authjs.csrf-token']}"
        return requests.post(
            f"{self.origin}/api/auth/signout",
            data={"csrfToken": token.json()["csrfToken"], **fields},
            headers={"Cookie": f"{COOKIE}={cookie}; {pair}"},
            allow_redirects=False,
            timeout=20,
        )

    def warm(self, cookie: str) -> None:
        """Make every worker cache the token."""
        assert all(run_parallel(lambda _: self.user(cookie), self.requests))

    def processes(self) -> list[int]:
        """Return the process ids of the workers."""
        listed = subprocess.run(
            ["pgrep", "-P", str(self.server.process.pid)], capture_output=True, text=True, check=True
        )
        return [int(line) for line in listed.stdout.split()]

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


@contextmanager
def running_app(settings: dict[str, str], workers: int = WORKERS) -> Iterator[RunningApp]:
    """Serve the application with these settings."""
    settings = {"AUTH_SESSION_STRATEGY": "jwt", **settings, "WEB_CONCURRENCY": str(workers)}
    with serving(SERVE, settings) as server:
        running = RunningApp(server, settings, workers)
        with closing(running.database):
            yield running


def run_parallel(function: Callable[[int], object], times: int) -> list[object]:
    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(function, range(times)))


def wait_for_max_lag(since: float) -> None:
    """Sleep until MAX_LAG seconds after `since`."""
    time.sleep(max(0.0, since + MAX_LAG - time.monotonic()))
