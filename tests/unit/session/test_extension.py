"""Extension of a session: with an old secret, in chunks, on https, concurrently, and with an error."""

from __future__ import annotations

import pytest

from genkan.http.cookies import RequestCookies
from genkan.session.issuer import LAST_SEEN_INTERVAL, update_session
from genkan.session.reader import read, refresh
from genkan.session.revocation_list import MAX_LAG
from genkan.session.sessions import SessionConfig
from tests.clock import FrozenClock
from tests.core import make_core, with_callback
from tests.session_client import ADA
from tests.tokens import jwe
from tests.unit.session.clients import SessionClient, create_user

NAME = "authjs.session-token"
DAY = 86_400


@pytest.fixture(name="client")
def _client(clock: FrozenClock) -> SessionClient:
    client = SessionClient(make_core(clock))
    client.sign_in()
    return client


def test_a_token_encrypted_with_an_old_secret_is_re_issued_and_outlives_that_secret(clock: FrozenClock) -> None:
    before, during, after = (
        make_core(clock, secrets=secrets) for secrets in (("old" * 11,), ("new" * 11, "old" * 11), ("new" * 11,))
    )
    active, inactive = SessionClient(before), SessionClient(before)
    for client in (active, inactive):
        client.sign_in()
    active.core = during
    assert active.request()
    (cookie_value,) = active.jar.values.values()
    assert jwe.thumbprint(jwe.derive_key("new" * 11, NAME)) in jwe.decode(cookie_value.split(".")[0]).decode()
    assert refresh(read(RequestCookies(active.jar.header), during.sessions), during.sessions) == ()
    active.core = inactive.core = after
    assert active.request()
    assert inactive.request() is None


def test_concurrent_extensions_all_succeed_whatever_the_order_of_their_cookies(
    client: SessionClient, clock: FrozenClock
) -> None:
    clock.advance(DAY)
    header = client.jar.header
    results = [read(RequestCookies(header), client.core.sessions) for _ in range(50)]
    assert all(result.session for result in results)
    for result in results:
        client.jar.store(refresh(result, client.core.sessions))
        assert client.request()


def test_claims_that_are_not_json_leave_the_cookie_unchanged(
    clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    core = make_core(clock)
    header = f"{NAME}={core.sessions.sealer.seal(ADA, 30 * DAY)}"
    core = with_callback(core, jwt=lambda params: {**params.token, "odd": {1, 2}})
    clock.advance(DAY)
    result = read(RequestCookies(header), core.sessions)
    assert result.session
    assert refresh(result, core.sessions) == ()
    assert [record.getMessage() for record in caplog.records] == ["session could not be extended"]


def test_a_long_token_is_set_in_chunks_and_a_short_one_deletes_them(clock: FrozenClock) -> None:
    client = SessionClient(make_core(clock))
    client.sign_in({**ADA, "fill": "x" * 9_000})
    assert list(client.jar.values) == [f"{NAME}.{index}" for index in range(4)]
    client.core = with_callback(client.core, jwt=lambda params: {**params.token, "fill": ""})
    clock.advance(DAY)
    assert client.request()
    assert list(client.jar.values) == [NAME]


def test_on_https_the_cookie_has_another_name_and_another_key(clock: FrozenClock) -> None:
    secure = make_core(clock, origin="https://app.example.com")
    host_only = make_core(
        clock, origin="https://app.example.com", session_config=SessionConfig(cookie_name="__Host-authjs.session-token")
    )
    for core, name in ((secure, "__Secure-authjs.session-token"), (host_only, "__Host-authjs.session-token")):
        (cookie,) = update_session({**ADA, "iat": int(clock.now)}, "", (), core.sessions)[1]
        assert (cookie.name, cookie.secure) == (name, True)
        assert read(RequestCookies(f"{name}={cookie.value}"), core.sessions).session
        assert read(RequestCookies(f"{NAME}={cookie.value}"), make_core(clock).sessions).session is None


def test_claims_of_a_next_js_token_are_reloaded_after_a_change_although_it_was_re_issued(clock: FrozenClock) -> None:
    """The token was extended before this worker read the change. Its claims are as old as the first token."""
    core = make_core(clock, monotonic=clock)
    user = create_user(core)
    client = SessionClient(core)
    client.jar.values[NAME] = core.sessions.sealer.seal({"sub": user.id, "name": "Ada"}, 30 * DAY)
    clock.advance(DAY)
    client.request()
    assert client.token()["iat"] == clock.now
    clock.advance(-1)
    core.adapter.update_user(user.id, name="Countess")
    clock.advance(1 + MAX_LAG)

    session = client.request()
    assert session is not None
    assert session.user.name == "Countess"


def test_last_seen_of_a_session_without_a_record_is_not_written(
    clock: FrozenClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = SessionClient(make_core(clock))
    monkeypatch.setattr(client.core.sessions.store, "touch", lambda *_, **__: pytest.fail("last_seen was written"))
    client.jar.values[NAME] = client.core.sessions.sealer.seal(ADA, 30 * DAY)
    for _ in range(3):
        clock.advance(LAST_SEEN_INTERVAL)
        assert client.request()
    clock.advance(DAY)
    assert client.request()
    assert caplog.records == []
