"""Prolonging a session: under a new secret, in chunks, on https, many times at once, and when it can't be done."""

from __future__ import annotations

import pytest

from genkan.http.cookies import RequestCookies
from genkan.session.issuer import LAST_SEEN_INTERVAL, update_session
from genkan.session.reader import read, refresh
from genkan.session.revocation_list import MAX_LAG
from genkan.session.sessions import SessionConfig
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.core import make_core, with_callbacks
from tests.session_client import ADA, SessionClient
from tests.tokens import jwe

NAME = "authjs.session-token"
DAY = 86_400


@pytest.fixture(name="ada")
def _ada(clock: FrozenClock) -> SessionClient:
    guest = SessionClient(make_core(clock))
    guest.sign_in()
    return guest


def test_a_token_under_an_old_secret_is_prolonged_at_once_and_survives_its_end(clock: FrozenClock) -> None:
    before, during, after = (
        make_core(clock, secrets=secrets) for secrets in (("old" * 11,), ("new" * 11, "old" * 11), ("new" * 11,))
    )
    stays, leaves = SessionClient(before), SessionClient(before)
    for visitor in (stays, leaves):
        visitor.sign_in()
    stays.options = during
    assert stays.visit()
    (kept,) = stays.jar.values.values()
    assert jwe.thumbprint(jwe.derive_key("new" * 11, NAME)) in jwe.decode(kept.split(".")[0]).decode()
    assert refresh(read(RequestCookies(stays.jar.header), during.sessions), during.sessions) == ()
    stays.options = leaves.options = after
    assert stays.visit()
    assert leaves.visit() is None


def test_many_requests_at_the_moment_of_prolonging_all_succeed_whatever_order_their_cookies_arrive_in(
    ada: SessionClient, clock: FrozenClock
) -> None:
    clock.advance(DAY)
    header = ada.jar.header
    answers = [read(RequestCookies(header), ada.options.sessions) for _ in range(50)]
    assert all(answer.session for answer in answers)
    for answer in answers:
        ada.jar.take(refresh(answer, ada.options.sessions))
        assert ada.visit()


def test_claims_that_are_no_json_leave_the_browser_its_cookie(
    clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    options = make_core(clock)
    header = f"{NAME}={options.sessions.sealer.seal(ADA, 30 * DAY)}"
    odd = with_callbacks(options, jwt=lambda params: {**params.token, "odd": {1, 2}})
    clock.advance(DAY)
    reading = read(RequestCookies(header), odd.sessions)
    assert reading.session
    assert refresh(reading, odd.sessions) == ()
    assert [record.getMessage() for record in caplog.records] == ["session could not be extended"]


def test_a_long_token_is_prolonged_in_chunks_and_a_short_one_clears_them(clock: FrozenClock) -> None:
    visitor = SessionClient(make_core(clock))
    visitor.sign_in({**ADA, "fill": "x" * 9_000})
    assert list(visitor.jar.values) == [f"{NAME}.{index}" for index in range(4)]
    visitor.options = with_callbacks(visitor.options, jwt=lambda params: {**params.token, "fill": ""})
    clock.advance(DAY)
    assert visitor.visit()
    assert list(visitor.jar.values) == [NAME]


def test_on_https_the_session_has_another_name_and_so_another_key(clock: FrozenClock) -> None:
    secure = make_core(clock, origin="https://app.example.com")
    host_only = make_core(
        clock, origin="https://app.example.com", session_config=SessionConfig(cookie_name="__Host-authjs.session-token")
    )
    for options, name in ((secure, "__Secure-authjs.session-token"), (host_only, "__Host-authjs.session-token")):
        (cookie,) = update_session(ADA, "", (), options.sessions)[1]
        assert (cookie.name, cookie.secure) == (name, True)
        assert read(RequestCookies(f"{name}={cookie.value}"), options.sessions).session
        assert read(RequestCookies(f"{NAME}={cookie.value}"), make_core(clock).sessions).invalid


def test_what_a_token_of_a_nextjs_front_end_says_of_its_user_is_as_old_as_the_token_was(clock: FrozenClock) -> None:
    """Prolonged before this worker heard of a change, it is read anew all the same."""
    options = make_core(clock, monotonic=clock)
    user, _ = options.adapter.create_user(User("1", "Ada"), Account("hub", "ada", "oidc"))
    guest = SessionClient(options)
    guest.jar.values[NAME] = options.sessions.sealer.seal({"sub": user.id, "name": "Ada"}, 30 * DAY)
    clock.advance(DAY)
    guest.visit()
    assert guest.token()["iat"] == clock.now
    options.adapter.update_user(user.id, name="Countess")
    options.sessions.store.mark_user_changed(user.id, int(clock.now) - 1)
    clock.advance(MAX_LAG)

    session = guest.visit()
    assert session is not None
    assert session.user.name == "Countess"


def test_a_guest_without_a_record_costs_the_store_nothing_for_being_seen(
    clock: FrozenClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = SessionClient(make_core(clock))
    monkeypatch.setattr(guest.options.sessions.store, "touch", lambda *_, **__: pytest.fail("written"))
    guest.jar.values[NAME] = guest.options.sessions.sealer.seal(ADA, 30 * DAY)
    for _ in range(3):
        clock.advance(LAST_SEEN_INTERVAL)
        assert guest.visit()
    clock.advance(DAY)
    assert guest.visit()
    assert caplog.records == []
