"""Writes of concurrent extensions, and the age of the claims about the user."""

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
from tests.clock import FrozenClock
from tests.core import make_core
from tests.unit.session.clients import SessionClient, create_user

NAME = "authjs.session-token"
DAY = 86_400


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_of_the_extensions_within_a_minute_the_first_is_written_and_a_forced_one_always(
    clock: FrozenClock, strategy: StrategyName
) -> None:
    core = make_core(clock, session_config=SessionConfig(strategy=strategy))
    create_user(core, "ada")
    now, end = int(clock.now), int(clock.now) + 30 * DAY
    times: dict[str, Any] = {"created": now, "last_seen": now, "expires": end, "absolute_expires": now + 90 * DAY}
    record = SessionRecord(id="one", user_id="ada", provider="hub", device="Firefox", **times)
    cookie_value, claims, token_hash = core.sessions.strategy.create({"sub": "ada", "sid": "one"}, 30 * DAY)
    assert core.sessions.store.create(record, claims=claims, token_hash=token_hash) == []
    is_written = []
    for seconds, min_interval in (
        (DAY, MIN_EXTENSION),
        (MIN_EXTENSION - 1, MIN_EXTENSION),
        (0, 0),
        (60, MIN_EXTENSION),
    ):
        clock.advance(seconds)
        core.sessions.strategy.extend(cookie_value, claims, 30 * DAY, min_interval=min_interval)
        stored = core.sessions.store.get("one")
        is_written.append(stored is not None and stored.last_seen == clock.now)

    assert is_written == [True, False, True, True]


def test_a_session_that_every_reading_extends_asks_the_store_once_a_minute(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its record never expires more than two minutes before the cookie."""
    core = make_core(clock, session_config=SessionConfig(update_age=0))
    client, store, asked = SessionClient(core), core.sessions.store, list[int]()
    sid = client.sign_in_as(create_user(core))["sid"]
    touch = store.touch

    def count(id: str, now: int, *, min_interval: int, expires: int | None = None) -> bool:
        asked.append(now)
        return touch(id, now, min_interval=min_interval, expires=expires)

    monkeypatch.setattr(store, "touch", count)
    for _ in range(60):
        clock.advance(10)
        assert client.request()
        record = store.get(sid)
        assert record is not None
        assert 0 <= client.token()["exp"] - record.expires < 2 * MIN_EXTENSION

    assert len(asked) == 600 // MIN_EXTENSION


# requirement F12
def test_claims_issued_by_a_clock_that_was_ahead_are_reloaded_after_a_change(clock: FrozenClock) -> None:
    """Also if this worker's clock has passed their time before the next request."""
    core = make_core(clock, monotonic=clock)
    user = create_user(core)
    client = SessionClient(core)
    clock.advance(3600)
    client.jar.values[NAME] = core.sessions.sealer.seal({"sub": user.id, "name": "Ada"}, 30 * DAY)
    clock.advance(-3600)
    client.request()
    assert client.token()["iat"] == clock.now
    clock.advance(5)
    core.adapter.update_user(user.id, name="Countess")
    clock.advance(7200)

    session = client.request()
    assert session is not None
    assert session.user.name == "Countess"


def test_an_update_of_a_session_that_another_worker_revoked_is_refused(clock: FrozenClock) -> None:
    """Also if the session was read before the revocation applied on this worker."""
    core = make_core(clock, monotonic=clock)
    client = SessionClient(core)
    client.sign_in()
    assert client.request()
    result = read(RequestCookies(client.jar.header), core.sessions)
    assert result.cached is not None
    core.sessions.store.revoke_session(session_id(client.token()) or "", "ended")
    clock.advance(MAX_LAG)

    cached, set_cookies = apply_update({}, result.cookie_value, result.cookie_names, core.sessions)
    assert cached is None
    assert [(cookie.name, cookie.max_age) for cookie in set_cookies] == [(NAME, 0)]


@pytest.mark.parametrize("session_start", [True, False, "soon", None, [1]])
def test_without_a_valid_session_start_the_age_counts_from_iat(clock: FrozenClock, session_start: object) -> None:
    core = make_core(clock)
    client = SessionClient(core)
    client.jar.values[NAME] = core.sessions.sealer.seal({"sub": "1", "session_start": session_start}, 30 * DAY)

    assert client.request()
    iat = int(clock.now) - 5
    assert started_at({"session_start": session_start, "iat": iat}) == iat
    assert started_at({"session_start": session_start, "auth_time": iat - 5, "iat": iat}) == iat - 5
    assert started_at({"session_start": session_start}) == 0
