"""Sessions of a user who was deleted or disabled without Genkan, as by SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from genkan.adapters.sqlalchemy import SQLAlchemyAdapter
from genkan.core import Core
from genkan.errors import AdapterError
from genkan.http.cookies import RequestCookies
from genkan.session.reader import USER_CHECK_INTERVAL, read
from genkan.session.sessions import SessionConfig, StrategyName
from genkan.types import User
from tests.clock import START, FrozenClock
from tests.core import make_core
from tests.unit.session.clients import SessionClient, create_user

NAME = "authjs.session-token"
DAY = 86_400

STATEMENTS = ["DELETE FROM users", 'UPDATE users SET "disabledAt" = 1']


class UserLoader:
    """Function that loads a user, counts its calls and can fail."""

    def __init__(self, load: Callable[[str], User | None]) -> None:
        self.calls = 0
        self.is_down = False
        self._load = load

    def __call__(self, id: str) -> User | None:
        self.calls += 1
        if self.is_down:
            raise AdapterError("down")
        return self._load(id)


def execute(core: Core, statement: str) -> None:
    """Execute a statement in the core's database."""
    assert isinstance(core.adapter, SQLAlchemyAdapter)
    with core.adapter._database.write() as session:
        session.execute(text(statement))


def with_loader(core: Core) -> tuple[Core, UserLoader]:
    """Return the core with a loader that counts its calls."""
    loader = UserLoader(core.adapter.get_user)
    return replace(core, sessions=replace(core.sessions, load_user=loader)), loader


@pytest.fixture(name="core", params=["jwt", "database"])
def _core(request: pytest.FixtureRequest, clock: FrozenClock) -> Core:
    strategy: StrategyName = request.param
    return make_core(clock, monotonic=clock, session_config=SessionConfig(strategy=strategy))


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_session_of_a_user_who_is_gone_ends_within_a_minute(core: Core, clock: FrozenClock, statement: str) -> None:
    client = SessionClient(core)
    client.sign_in_as(create_user(core))
    assert client.request()
    clock.advance(USER_CHECK_INTERVAL - 1)
    assert client.request()
    execute(core, statement)
    clock.advance(1)
    assert client.request() is None
    assert client.jar.values == {}


def test_a_session_of_another_user_stays(core: Core, clock: FrozenClock) -> None:
    client = SessionClient(core)
    client.sign_in_as(create_user(core, "1"))
    create_user(core, "2", "Bob")
    execute(core, "DELETE FROM users WHERE id = '2'")
    clock.advance(2 * USER_CHECK_INTERVAL)
    assert client.request()


@pytest.mark.parametrize("claims", [{}, {"sid": "of-next-js"}, {"sid": "x", "auth_time": START}, {"auth_time": START}])
def test_a_session_that_next_js_has_started_needs_no_stored_user(clock: FrozenClock, claims: dict[str, object]) -> None:
    """Also after this application has re-issued its token. A user who is stored here may be disabled."""
    core, loader = with_loader(make_core(clock, monotonic=clock))
    client = SessionClient(core)
    client.jar.values[NAME] = core.sessions.sealer.seal({"sub": "1", "name": "Ada", **claims}, 30 * DAY)
    for seconds in (0, USER_CHECK_INTERVAL, DAY, USER_CHECK_INTERVAL, DAY, USER_CHECK_INTERVAL):
        clock.advance(seconds)
        assert client.request()
    assert client.token()["iat"] > clock.now - DAY
    assert loader.calls == 6
    create_user(core)
    core.adapter.update_user("1", disabled=True)
    clock.advance(USER_CHECK_INTERVAL)
    assert client.request() is None


def test_the_sessions_of_a_user_make_one_query_per_minute(core: Core, clock: FrozenClock) -> None:
    """Also if every request re-issues the cookie."""
    core, loader = with_loader(core)
    core = replace(core, sessions=replace(core.sessions, config=replace(core.sessions.config, update_age=0)))
    clients = [SessionClient(core) for _ in range(2)]
    user = create_user(core)
    for client in clients:
        client.sign_in_as(user)
    assert loader.calls == 0
    for minute in range(5):
        for _ in range(20):
            for client in clients:
                assert client.request()
            clock.advance(USER_CHECK_INTERVAL / 20)
        assert loader.calls == minute


def test_many_clients_of_one_session_make_one_query_per_minute(core: Core, clock: FrozenClock) -> None:
    core, loader = with_loader(core)
    client = SessionClient(core)
    client.sign_in_as(create_user(core))
    clock.advance(USER_CHECK_INTERVAL)
    for _ in range(50):
        core.sessions.cache.clear()
        assert read(RequestCookies(client.jar.header), core.sessions).session
    assert loader.calls == 1


def test_a_store_that_fails_ends_no_session(core: Core, clock: FrozenClock) -> None:
    core, loader = with_loader(core)
    client = SessionClient(core)
    client.sign_in_as(create_user(core))
    loader.is_down = True
    for _ in range(10):
        clock.advance(USER_CHECK_INTERVAL)
        assert client.request()
    assert loader.calls > 0
    execute(core, "DELETE FROM users")
    loader.is_down = False
    clock.advance(USER_CHECK_INTERVAL)
    assert client.request() is None


def test_a_clock_that_is_set_back_does_not_delay_the_check(core: Core, clock: FrozenClock) -> None:
    core, loader = with_loader(core)
    client = SessionClient(core)
    client.sign_in_as(create_user(core))
    clock.now -= 2 * DAY
    core.sessions.revocations.read_now()
    core.sessions.cache.clear()
    assert client.request()
    assert loader.calls == 1
