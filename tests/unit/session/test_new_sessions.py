"""Start of a new session after a rule that has revoked the user's earlier ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from genkan.core import Core
from genkan.errors import AccessDenied
from genkan.session import revoker
from genkan.session.revocation_list import MAX_LAG
from genkan.session.sessions import SessionConfig, StrategyName
from tests.clock import START, FrozenClock
from tests.core import make_core
from tests.unit.session.clients import SessionClient, create_user

DAY, YEAR = 86_400, 365 * 86_400

Revoke = Callable[[Core], object]
REVOCATIONS: dict[str, Revoke] = {
    "user": lambda core: revoker.revoke_user("1", "ended", core.sessions),
    "everyone": lambda core: revoker.revoke_everyone("owner", core.sessions),
    "another worker": lambda core: core.sessions.store.revoke_user("1"),
}


@pytest.fixture(name="core", params=["jwt", "database"])
def _core(request: pytest.FixtureRequest, clock: FrozenClock) -> Core:
    strategy: StrategyName = request.param
    return make_core(clock, monotonic=clock, session_config=SessionConfig(strategy=strategy))


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_a_sign_in_in_the_second_of_the_rule_is_valid_and_earlier_sessions_are_not(
    core: Core, revocation: str, clock: FrozenClock
) -> None:
    old, new, user = SessionClient(core), SessionClient(core), create_user(core)
    old.sign_in_as(user)
    REVOCATIONS[revocation](core)
    token = new.sign_in_as(user)
    assert (token["iat"], token["session_start"]) == (START, START + 1)
    for _ in range(3):
        assert new.request()
        clock.advance(MAX_LAG)
    assert old.request() is None


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_a_clock_that_was_a_year_ahead_at_the_rule_does_not_end_later_sessions(
    core: Core, revocation: str, clock: FrozenClock
) -> None:
    """Not even after they are extended."""
    old, new, user = SessionClient(core), SessionClient(core), create_user(core)
    clock.advance(YEAR)
    old.sign_in_as(user)
    REVOCATIONS[revocation](core)
    clock.advance(-YEAR)
    new.sign_in_as(user)
    for _ in range(60):
        assert new.request()
        clock.advance(DAY)
    assert old.request() is None


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_a_rule_revokes_a_session_that_a_clock_started_in_the_future(
    core: Core, revocation: str, clock: FrozenClock
) -> None:
    client, user = SessionClient(core), create_user(core)
    clock.advance(YEAR)
    client.sign_in_as(user)
    clock.advance(-YEAR)
    core.sessions.revocations.read_now()
    assert client.request()
    REVOCATIONS[revocation](core)
    clock.advance(MAX_LAG)
    assert client.request() is None


def test_a_disabled_user_gets_no_session(core: Core) -> None:
    client, user = SessionClient(core), create_user(core)
    core.adapter.update_user(user.id, disabled=True)
    with pytest.raises(AccessDenied):
        client.sign_in_as(user)
    assert client.jar.values == {}
