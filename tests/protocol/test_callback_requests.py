"""Callbacks, sign-ins and sign-outs that come in odd shapes: each is an answer of ours, and the log names nobody's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from genkan.actions import backchannel_logout
from genkan.actions.backchannel_logout import TIMEOUT
from genkan.errors import ProviderUnavailable
from genkan.oauth.transport.deadline import remaining
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp
from tests.provider_client import ProviderClient, failure_reason, get_state, provider_env, query
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.logout_tokens import logout_token


def test_the_log_does_not_repeat_what_a_visitor_calls_a_provider(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    browser.get("/api/auth/callback/forged-line?state=s&code=c")
    (line,) = (record for record in caplog.records if getattr(record, "event", "") == "sign-in-failed")

    assert (line.__dict__["provider"], "forged-line" in str(line.__dict__)) == (None, False)


@pytest.mark.parametrize(
    "odd", [{"state": ["s"]}, {"state": 7}, {"code": {"a": 1}}, {"error": [1]}, {"iss": None}], ids=repr
)
def test_a_callback_whose_body_holds_no_text_is_one_without_it(client: ProviderClient, odd: dict[str, Any]) -> None:
    answer = client.post("/api/auth/callback/oidc", json={"state": "s", "code": "c", **odd})

    assert failure_reason(answer, client) in {"expired", "cookies"}


@pytest.mark.parametrize("planted", ["https://evil.example/", "javascript:alert(1)", "//evil.example"])
def test_a_callback_that_comes_again_leads_nowhere_that_a_planted_cookie_says(
    client: ProviderClient, planted: str
) -> None:
    back = client.callback_url()
    client.get(back)
    client.client.set_cookie("authjs.callback-url", planted, domain="127.0.0.1")
    again = client.get(back)

    assert again.headers["Location"].startswith(ORIGIN)
    assert "evil.example" not in again.headers["Location"].removeprefix(f"{ORIGIN}//evil.example")
    assert client.name() == "Vera Visitor"


def test_who_posts_neither_a_cookie_nor_a_token_is_not_told_that_cookies_are_needed(client: ProviderClient) -> None:
    """That is said to browsers that came from our page and keep none (F30)."""
    bare = client.app.test_client(use_cookies=False)
    door = "/api/auth/signin/oidc"
    with_token = bare.post(door, base_url=ORIGIN, data={"csrfToken": "0" * 64})

    assert "reason" not in query(bare.post(door, base_url=ORIGIN).headers["Location"])
    assert query(with_token.headers["Location"])["reason"] == "cookies"


def test_where_a_sign_out_landed_the_next_sign_in_does(browser: Browser) -> None:
    browser.sign_in()
    browser.sign_out(callbackUrl="/about")

    assert 'name="callbackUrl" value="/about"' in browser.get("/api/auth/signin").text


def test_only_who_came_through_a_provider_that_signs_out_there_is_sent_there(
    make_app: MakeApp, op: FaultyProvider, clock: FrozenClock
) -> None:
    with FaultyProvider(clock=clock) as there:
        app = make_app(**provider_env(op), **provider_env(there, "ZITADEL"), AUTH_ZITADEL_SIGN_OUT="provider")
        here, elsewhere = ProviderClient(app, op), ProviderClient(app, there)
        here.sign_in_as()
        elsewhere.get(
            there.authorize(elsewhere.begin_sign_in("/", "zitadel").headers["Location"], {"email": "v@x.example"})
        )

        assert here.sign_out(callbackUrl="/about").headers["Location"] == f"{ORIGIN}/about"
        assert elsewhere.sign_out(callbackUrl="/about").headers["Location"].startswith(f"{there.issuer}/end-session?")


def test_a_provider_s_metadata_changes_nothing_in_the_policy(client: ProviderClient) -> None:
    before = client.get("/api/auth/signin").headers["Content-Security-Policy"]
    client.start()

    assert client.options.cache.get(f"metadata:oidc:{client.op.issuer}") is not None
    assert client.get("/api/auth/signin").headers["Content-Security-Policy"] == before


def test_a_logout_token_costs_no_more_than_its_own_time(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[float] = []

    @contextmanager
    def asking(*_: object) -> Iterator[Any]:
        left.append(remaining())
        raise ProviderUnavailable
        yield

    monkeypatch.setattr(backchannel_logout, "provider_client", asking)
    token = logout_token(client.op, client.clock(), sub="visitor-1")
    answer = client.app.test_client().post("/api/auth/backchannel-logout/oidc", data={"logout_token": token})

    assert answer.status_code == 503
    assert 0 < left[0] <= TIMEOUT


def test_a_role_that_changes_between_reading_the_user_and_making_the_session_is_seen(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read a moment ago may be of the second before."""
    adapter, store = client.options.adapter, client.options.session_store
    client.sign_in_as()
    client.sign_out()
    refresh = adapter.refresh_user

    def overtaken(*given: Any) -> Any:
        user = refresh(*given)
        adapter.update_user(user.id, role="owner")
        store.note_change(user.id, int(client.clock()))
        client.clock.advance(1)
        return user

    monkeypatch.setattr(adapter, "refresh_user", overtaken)
    client.sign_in_as()
    client.options.revocations._due = float("-inf")
    session = client.session()

    assert session is not None
    assert session["user"]["role"] == "owner"


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_what_was_read_anew_after_a_change_is_not_read_again_and_again(
    make_app: MakeApp, op: FaultyProvider, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    """Also where it was prolonged just before: news is written down at once."""
    client = ProviderClient(make_app(**provider_env(op), AUTH_SESSION_STRATEGY=strategy), op)
    client.sign_in_as()
    client.clock.advance(10)
    (user,) = client.options.adapter.list_users()
    client.options.adapter.update_user(user.id, role="owner")
    client.options.session_store.note_change(user.id, int(client.clock()))
    client.options.revocations._due = float("-inf")
    client.clock.advance(2)
    client.session()
    cookie = client.cookie("authjs.session-token")
    monkeypatch.setattr(client.options.adapter, "get_user", lambda _: pytest.fail("asked once more"))
    for _ in range(3):
        client.clock.advance(2)
        session = client.session()
        assert session is not None
        assert session["user"]["role"] == "owner"

    assert client.cookie("authjs.session-token") == cookie


def test_nobody_confirms_or_links_while_it_cannot_be_told_who_is_there(client: ProviderClient) -> None:
    """A session that can't be read is not the same as none."""
    client.sign_in_as()
    state = get_state(client.app)
    own = state.core

    def fails(_: object) -> Any:
        raise RuntimeError

    client.options.session_cache.clear()
    token = client.csrf_token()
    state.core = replace(own, callbacks=replace(own.callbacks, session=fails))
    fields = {"csrfToken": token, "purpose": "fresh", "callbackUrl": "/dashboard"}
    begun = client.post("/api/auth/signin/oidc", data=fields)

    assert query(begun.headers["Location"])["reason"] == "storage"
    assert client.flow_cookies() == []
