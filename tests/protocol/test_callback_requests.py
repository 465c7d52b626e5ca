"""Unusual callback, sign-in and sign-out requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from genkan.actions.backchannel_logout import TIMEOUT
from genkan.errors import ProviderUnavailable
from genkan.oauth.client import OAuthClient
from genkan.oauth.transport.deadline import remaining
from genkan.session import reader
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp
from tests.core import with_callback
from tests.provider_client import ProviderClient, failure_reason, get_state, provider_env, query
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.logout_tokens import logout_token


def test_an_unknown_provider_id_is_not_written_to_the_log(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    browser.get("/api/auth/callback/forged-line?state=s&code=c")
    (line,) = (record for record in caplog.records if getattr(record, "event", "") == "sign-in-failed")

    assert (line.__dict__["provider"], "forged-line" in str(line.__dict__)) == (None, False)


@pytest.mark.parametrize(
    "odd", [{"state": ["s"]}, {"state": 7}, {"code": {"a": 1}}, {"error": [1]}, {"iss": None}], ids=repr
)
def test_callback_fields_that_are_not_text_are_ignored(client: ProviderClient, odd: dict[str, Any]) -> None:
    response = client.post("/api/auth/callback/oidc", json={"state": "s", "code": "c", **odd})

    assert failure_reason(response, client) in {"expired", "cookies"}


@pytest.mark.parametrize("planted", ["https://evil.example/", "javascript:alert(1)", "//evil.example"])
def test_a_repeated_callback_ignores_a_planted_callback_url_cookie(client: ProviderClient, planted: str) -> None:
    callback_url = client.callback_url()
    client.get(callback_url)
    client.client.set_cookie("authjs.callback-url", planted, domain="127.0.0.1")
    repeated = client.get(callback_url)

    assert repeated.headers["Location"].startswith(ORIGIN)
    assert "evil.example" not in repeated.headers["Location"].removeprefix(f"{ORIGIN}//evil.example")
    assert client.name() == "Vera Visitor"


def test_a_post_without_cookie_and_token_does_not_say_that_cookies_are_needed(client: ProviderClient) -> None:
    """The message is for browsers which loaded the page and did not keep its cookie."""
    test_client = client.app.test_client(use_cookies=False)
    path = "/api/auth/signin/oidc"
    with_token = test_client.post(path, base_url=ORIGIN, data={"csrfToken": "0" * 64})

    assert "reason" not in query(test_client.post(path, base_url=ORIGIN).headers["Location"])
    assert query(with_token.headers["Location"])["reason"] == "cookies"


def test_the_callback_url_of_a_sign_out_is_used_by_the_next_sign_in(browser: Browser) -> None:
    browser.sign_in()
    browser.sign_out(callbackUrl="/about")

    assert 'name="callbackUrl" value="/about"' in browser.get("/api/auth/signin").text


def test_provider_logout_is_for_sessions_of_a_provider_with_that_setting(
    make_app: MakeApp, op: FaultyProvider, clock: FrozenClock
) -> None:
    with FaultyProvider(clock=clock) as other_op:
        app = make_app(**provider_env(op), **provider_env(other_op, "ZITADEL"), AUTH_ZITADEL_SIGN_OUT="provider")
        local_client, provider_client = ProviderClient(app, op), ProviderClient(app, other_op)
        local_client.sign_in_as()
        provider_client.get(
            other_op.authorize(
                provider_client.begin_sign_in("/", "zitadel").headers["Location"], {"email": "v@x.example"}
            )
        )

        assert local_client.sign_out(callbackUrl="/about").headers["Location"] == f"{ORIGIN}/about"
        assert (
            provider_client.sign_out(callbackUrl="/about")
            .headers["Location"]
            .startswith(f"{other_op.issuer}/end-session?")
        )


def test_discovered_metadata_does_not_change_the_content_security_policy(client: ProviderClient) -> None:
    before = client.get("/api/auth/signin").headers["Content-Security-Policy"]
    client.start()

    assert client.core.cache.get(f"metadata:oidc:{client.op.issuer}") is not None
    assert client.get("/api/auth/signin").headers["Content-Security-Policy"] == before


def test_a_logout_token_is_validated_within_its_own_timeout(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[float] = []

    @contextmanager
    def unavailable_client(*_: object) -> Iterator[Any]:
        left.append(remaining())
        raise ProviderUnavailable
        yield

    monkeypatch.setattr(OAuthClient, "metadata_and_keys", unavailable_client)
    token = logout_token(client.op, client.clock(), sub="visitor-1")
    response = client.app.test_client().post("/api/auth/backchannel-logout/oidc", data={"logout_token": token})

    assert response.status_code == 503
    assert 0 < left[0] <= TIMEOUT


def test_a_role_changed_during_sign_in_is_in_the_session(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role changes after the user was loaded and before the session is created."""
    adapter = client.core.adapter
    client.sign_in_as()
    client.sign_out()
    refresh = adapter.refresh_user

    def refresh_then_change(*given: Any) -> Any:
        user = refresh(*given)
        adapter.update_user(user.id, role="owner")
        client.clock.advance(1)
        return user

    monkeypatch.setattr(adapter, "refresh_user", refresh_then_change)
    client.sign_in_as()
    client.core.sessions.revocations._due = float("-inf")
    session = client.session()

    assert session is not None
    assert session["user"]["role"] == "owner"


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_claims_reloaded_after_a_user_change_are_stored_at_once(
    make_app: MakeApp, op: FaultyProvider, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    """Also right after an extension: the reloaded claims are written without waiting for the minimum interval."""
    client = ProviderClient(make_app(**provider_env(op), AUTH_SESSION_STRATEGY=strategy), op)
    client.sign_in_as()
    client.clock.advance(10)
    (user,) = client.core.adapter.list_users()
    client.core.adapter.update_user(user.id, role="owner")
    client.core.sessions.revocations._due = float("-inf")
    client.clock.advance(2)
    client.session()
    cookie = client.cookie("authjs.session-token")
    monkeypatch.setattr(reader, "reload_user", lambda *_: pytest.fail("loaded again"))
    for _ in range(3):
        client.clock.advance(2)
        session = client.session()
        assert session is not None
        assert session["user"]["role"] == "owner"

    assert client.cookie("authjs.session-token") == cookie


def test_reauthentication_does_not_start_when_the_session_cannot_be_loaded(client: ProviderClient) -> None:
    """A session that cannot be loaded is not treated as no session."""
    client.sign_in_as()
    state = get_state(client.app)
    core = state.core

    def fails(_: object) -> Any:
        raise RuntimeError

    client.core.sessions.cache.clear()
    token = client.csrf_token()
    state.core = with_callback(core, session=fails)
    fields = {"csrfToken": token, "purpose": "fresh", "callbackUrl": "/dashboard"}
    started = client.post("/api/auth/signin/oidc", data=fields)

    assert query(started.headers["Location"])["reason"] == "storage"
    assert client.flow_cookies() == []
