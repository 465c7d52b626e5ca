"""What is written down of a session that is prolonged by many at once, and what its token goes on saying of its user."""

from __future__ import annotations

from typing import Any

import pytest

from genkan.actions.update_session import apply_update
from genkan.adapters.sessions import SessionRecord, session_id
from genkan.http.cookies import RequestCookies
from genkan.session.issuer import MIN_EXTENSION, started_at
from genkan.session.reader import read
from genkan.session.revocation_list import MAX_LAG
from genkan.session.sessions import SessionConfig, StrategyName
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.core import make_core
from tests.session_client import SessionClient

NAME = "authjs.session-token"
DAY = 86_400


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_of_those_who_prolong_within_a_minute_the_first_writes_and_news_are_always_written(
    clock: FrozenClock, strategy: StrategyName
) -> None:
    options = make_core(clock, session_config=SessionConfig(strategy=strategy))
    options.adapter.create_user(User("ada", "Ada"), Account("hub", "ada", "oidc"))
    now, end = int(clock.now), int(clock.now) + 30 * DAY
    times: dict[str, Any] = {"created": now, "last_seen": now, "expires": end, "absolute_expires": now + 90 * DAY}
    record = SessionRecord(id="one", user_id="ada", provider="hub", device="Firefox", **times)
    text, claims = options.sessions.strategy.create({"sub": "ada", "sid": "one"}, 30 * DAY, record)
    written = []
    for seconds, every in ((DAY, MIN_EXTENSION), (MIN_EXTENSION - 1, MIN_EXTENSION), (0, 0), (60, MIN_EXTENSION)):
        clock.advance(seconds)
        options.sessions.strategy.extend(text, claims, 30 * DAY, min_interval=every)
        kept = options.sessions.store.get("one")
        written.append(kept is not None and kept.last_seen == clock.now)

    assert written == [True, False, True, True]


def test_what_a_token_says_is_no_younger_for_being_made_by_a_clock_that_was_ahead(clock: FrozenClock) -> None:
    """A change since then counts, also where this worker's clock has caught up before it looks again (F12)."""
    options = make_core(clock, monotonic=clock)
    user, _ = options.adapter.create_user(User("1", "Ada"), Account("hub", "ada", "oidc"))
    guest = SessionClient(options)
    clock.advance(3600)
    guest.jar.values[NAME] = options.sessions.sealer.seal({"sub": user.id, "name": "Ada"}, 30 * DAY)
    clock.advance(-3600)
    guest.visit()
    assert guest.token()["iat"] == clock.now
    clock.advance(5)
    options.adapter.update_user(user.id, name="Countess")
    options.sessions.store.mark_user_changed(user.id, int(clock.now))
    clock.advance(7200)

    session = guest.visit()
    assert session is not None
    assert session.user.name == "Countess"


def test_an_update_of_what_another_worker_has_ended_is_refused_though_nothing_was_read_since(
    clock: FrozenClock,
) -> None:
    options = make_core(clock, monotonic=clock)
    guest = SessionClient(options)
    guest.sign_in()
    assert guest.visit()
    reading = read(RequestCookies(guest.jar.header), options.sessions)
    assert reading.cached is not None
    options.sessions.store.revoke_unrecorded(session_id(guest.token()) or "", int(clock.now))
    clock.advance(MAX_LAG)

    known, written = apply_update({}, reading.cookie_value, reading.cookie_names, options.sessions)
    assert known is None
    assert [(cookie.name, cookie.max_age) for cookie in written] == [(NAME, 0)]


@pytest.mark.parametrize("odd", [True, False, "soon", None, [1]])
def test_a_time_of_sign_in_that_is_none_ends_nobodys_session(clock: FrozenClock, odd: object) -> None:
    """Its age counts from when the token was made."""
    options = make_core(clock)
    guest = SessionClient(options)
    guest.jar.values[NAME] = options.sessions.sealer.seal({"sub": "1", "session_start": odd}, 30 * DAY)

    assert guest.visit()
    assert started_at({"session_start": odd, "iat": int(clock.now) - 5}, clock.now) == int(clock.now) - 5
