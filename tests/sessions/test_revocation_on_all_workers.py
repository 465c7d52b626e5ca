"""Four real workers: what ends is over on all of them within a second, and what happens at once happens once."""

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


class House:
    """A running house, and the back door through which this process starts sessions in it."""

    def __init__(self, server: Server, settings: dict[str, str]) -> None:
        self.origin, self.settings = server.origin, settings
        self.database = Database(settings["DATABASE_URL"])
        tables = models.User, models.Account, models.UsedToken
        self.people = SQLAlchemyAdapter(self.database, *tables, seal=str, open=str)
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

    def sign_in(self, age: int = 0, person: User | None = None) -> tuple[User, str]:
        """Somebody, and the cookie of a session of theirs whose token was made `age` seconds ago."""
        now = int(time.time()) - age
        self._made += 1
        name = f"guest-{self._made}"
        if person is None:
            guest = User(name, name, f"{name}@example.org", role="user")
            person, _ = self.people.create_user(guest, Account("oidc", name, "oidc"))
        claims: dict[str, Any] = {
            "sub": person.id,
            "name": name,
            "role": "user",
            "sid": f"sid of {name}",
            "session_start": now,
        }
        record = SessionRecord(
            id=claims["sid"],
            user_id=person.id,
            provider="oidc",
            created=now,
            last_seen=now,
            expires=now + 30 * DAY,
            absolute_expires=now + LIFETIME,
            device="a test",
        )
        return person, self._strategy(lambda: now).create(claims, 30 * DAY, record)[0]

    def ask(self, cookie: str, method: str = "GET", path: str = "/api/auth/session", **given: Any) -> requests.Response:
        """On a connection of its own, so that any worker may answer."""
        headers = {"Cookie": f"{COOKIE}={cookie}", "Connection": "close", **given.pop("headers", {})}
        return requests.request(method, self.origin + path, headers=headers, allow_redirects=False, timeout=20, **given)

    def person(self, cookie: str) -> dict[str, Any] | None:
        session = self.ask(cookie).json()
        return session and dict(session["user"])

    def sign_out(self, cookie: str) -> None:
        token = requests.get(f"{self.origin}/api/auth/csrf", timeout=20)
        pair = f"authjs.csrf-token={token.cookies['authjs.csrf-token']}"
        answer = requests.post(
            f"{self.origin}/api/auth/signout",
            data={"csrfToken": token.json()["csrfToken"]},
            headers={"Cookie": f"{COOKIE}={cookie}; {pair}"},
            allow_redirects=False,
            timeout=20,
        )
        assert answer.status_code == 303

    def warm(self, cookie: str) -> None:
        """Every worker knows the token by now."""
        assert all(at_once(lambda _: self.person(cookie), 40))

    def command(self, *words: str) -> str:
        """The owner's command line, in a process of its own."""
        done = subprocess.run(
            alone(["-m", "flask", "--app", "app", *words], self.settings),
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


@pytest.fixture(name="house", scope="module", params=["jwt", "database"])
def _house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = {
        **environment(tmp_path_factory.mktemp("house")),
        "WEB_CONCURRENCY": str(WORKERS),
        "AUTH_SESSION_STRATEGY": request.param,
    }
    with serving(["-m", "deploy.serve"], settings) as server:
        house = House(server, settings)
        with closing(house.database):
            yield house


def at_once(act: Callable[[int], object], times: int) -> list[object]:
    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(act, range(times)))


def until_the_bound(ended_at: float) -> None:
    """Waits for as long as is promised, and no longer."""
    time.sleep(max(0.0, ended_at + MAX_LAG - time.monotonic()))


def test_a_copied_cookie_is_dead_on_all_workers_a_second_after_signing_out(house: House) -> None:
    _, cookie = house.sign_in()
    house.warm(cookie)
    house.sign_out(cookie)
    until_the_bound(time.monotonic())
    assert at_once(lambda _: house.person(cookie), 200) == [None] * 200


def test_a_late_answer_revives_nothing_on_any_worker(house: House) -> None:
    """It was prolonged before the sign-out, and arrives after it (S8)."""
    _, cookie = house.sign_in(age=2 * DAY)
    late = house.ask(cookie).cookies.get(COOKIE)
    assert late
    house.sign_out(cookie)
    until_the_bound(time.monotonic())
    assert at_once(lambda _: house.person(late), 60) == [None] * 60


def test_fifty_requests_when_it_is_due_prolong_it_once_and_sign_nobody_out(house: House) -> None:
    """All see the same old cookie (S7)."""
    count = (
        "CREATE TRIGGER counting AFTER UPDATE OF expires ON genkan_sessions BEGIN "
        "INSERT INTO activity (user_id, at, kind) VALUES (new.user_id, 0, 'prolonged'); END"
    )
    house.database.run(lambda session: session.execute(text("DROP TRIGGER IF EXISTS counting")))
    house.database.run(lambda session: session.execute(text(count)))
    for _ in range(3):
        person, cookie = house.sign_in(age=2 * DAY)
        answers = at_once(lambda _, cookie=cookie: house.ask(cookie), 50)  # type: ignore[misc]
        asked = [answer for answer in answers if isinstance(answer, requests.Response)]
        assert all(answer.json()["user"]["id"] == person.id for answer in asked)
        fresh = {answer.cookies.get(COOKIE) for answer in asked} - {None}
        assert fresh
        assert all(house.person(str(one)) for one in fresh)
        assert [noted.kind for noted in house.store.list_activity(person.id, 99)].count("prolonged") == 1  # type: ignore[arg-type]


def test_what_an_owner_ends_on_the_command_line_is_over_everywhere(house: House) -> None:
    person, cookie = house.sign_in()
    _, other = house.sign_in(person=person)
    _, somebody_elses = house.sign_in()
    for known in (cookie, other, somebody_elses):
        house.warm(known)
    house.store.revoke_others(person.id, None, "owner", int(time.time()))
    until_the_bound(time.monotonic())
    assert at_once(lambda _: (house.person(cookie), house.person(other)), 40) == [(None, None)] * 40
    assert all(at_once(lambda _: house.person(somebody_elses), 40))


def test_somebody_disabled_is_out_everywhere(house: House) -> None:
    person, cookie = house.sign_in()
    house.warm(cookie)
    now = int(time.time())
    house.people.update_user(person.id, disabled=True)
    house.store.revoke_others(person.id, None, "disabled", now)
    until_the_bound(time.monotonic())
    assert at_once(lambda _: house.person(cookie), 60) == [None] * 60


def test_a_role_given_on_the_command_line_is_seen_everywhere_without_signing_in_again(house: House) -> None:
    person, cookie = house.sign_in()
    house.warm(cookie)
    house.command("users", "role", str(person.email), "editor", "--unverified")
    until_the_bound(time.monotonic())
    people = at_once(lambda _: house.person(cookie), 60)
    assert {str(one["role"]) for one in people if isinstance(one, dict)} == {"editor"}
    assert None not in people


def test_twenty_sessions_end_at_once_and_no_other(house: House) -> None:
    """Endings that race for their numbers: none is missed, whichever committed first."""
    for _ in range(3):
        cookies = [house.sign_in()[1] for _ in range(20)]
        stay = house.sign_in()[1]
        at_once(lambda number, cookies=cookies: house.sign_out(cookies[number]), 20)  # type: ignore[misc]
        until_the_bound(time.monotonic())
        assert at_once(lambda number, cookies=cookies: house.person(cookies[number % 20]), 80) == [None] * 80  # type: ignore[misc]
        assert all(at_once(lambda _, stay=stay: house.person(stay), 20))  # type: ignore[misc]
