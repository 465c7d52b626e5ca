"""Callbacks, sign-ins and sign-outs that come in odd shapes: each is an answer of ours, and the log names nobody's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from genkan.actions.backchannel_logout import TIMEOUT
from genkan.errors import ProviderUnavailable
from genkan.oauth.client import OAuthClient
from genkan.oauth.transport.deadline import remaining
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp
from tests.core import with_callbacks
from tests.provider_client import ProviderClient, failure_reason, provider_env, query, state_of
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
def test_a_callback_whose_body_holds_no_text_is_one_without_it(visitor: ProviderClient, odd: dict[str, Any]) -> None:
    answer = visitor.post("/api/auth/callback/oidc", json={"state": "s", "code": "c", **odd})

    assert failure_reason(answer, visitor) in {"expired", "cookies"}


@pytest.mark.parametrize("planted", ["https://evil.example/", "javascript:alert(1)", "//evil.example"])
def test_a_callback_that_comes_again_leads_nowhere_that_a_planted_cookie_says(
    visitor: ProviderClient, planted: str
) -> None:
    back = visitor.callback_url()
    visitor.get(back)
    visitor.client.set_cookie("authjs.callback-url", planted, domain="127.0.0.1")
    again = visitor.get(back)

    assert again.headers["Location"].startswith(ORIGIN)
    assert "evil.example" not in again.headers["Location"].removeprefix(f"{ORIGIN}//evil.example")
    assert visitor.name() == "Vera Visitor"


def test_who_posts_neither_a_cookie_nor_a_token_is_not_told_that_cookies_are_needed(visitor: ProviderClient) -> None:
    """That is said to browsers that came from our page and keep none (F30)."""
    bare = visitor.app.test_client(use_cookies=False)
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


def test_a_provider_s_metadata_changes_nothing_in_the_policy(visitor: ProviderClient) -> None:
    before = visitor.get("/api/auth/signin").headers["Content-Security-Policy"]
    visitor.start()

    assert visitor.options.cache.get(f"metadata:oidc:{visitor.op.issuer}") is not None
    assert visitor.get("/api/auth/signin").headers["Content-Security-Policy"] == before


def test_a_logout_token_costs_no_more_than_its_own_time(
    visitor: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[float] = []

    @contextmanager
    def asking(*_: object) -> Iterator[Any]:
        left.append(remaining())
        raise ProviderUnavailable
        yield

    monkeypatch.setattr(OAuthClient, "metadata_and_keys", asking)
    token = logout_token(visitor.op, visitor.clock(), sub="visitor-1")
    answer = visitor.app.test_client().post("/api/auth/backchannel-logout/oidc", data={"logout_token": token})

    assert answer.status_code == 503
    assert 0 < left[0] <= TIMEOUT


def test_a_role_that_changes_between_reading_the_user_and_making_the_session_is_seen(
    visitor: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read a moment ago may be of the second before."""
    adapter, store = visitor.options.adapter, visitor.options.sessions.store
    visitor.sign_in_as()
    visitor.sign_out()
    refresh = adapter.refresh_user

    def overtaken(*given: Any) -> Any:
        user = refresh(*given)
        adapter.update_user(user.id, role="owner")
        store.note_change(user.id, int(visitor.clock()))
        visitor.clock.advance(1)
        return user

    monkeypatch.setattr(adapter, "refresh_user", overtaken)
    visitor.sign_in_as()
    visitor.options.sessions.revocations._due = float("-inf")
    session = visitor.session()

    assert session is not None
    assert session["user"]["role"] == "owner"


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_what_was_read_anew_after_a_change_is_not_read_again_and_again(
    make_app: MakeApp, op: FaultyProvider, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    """Also where it was prolonged just before: news is written down at once."""
    visitor = ProviderClient(make_app(**provider_env(op), AUTH_SESSION_STRATEGY=strategy), op)
    visitor.sign_in_as()
    visitor.clock.advance(10)
    (user,) = visitor.options.adapter.list_users()
    visitor.options.adapter.update_user(user.id, role="owner")
    visitor.options.sessions.store.note_change(user.id, int(visitor.clock()))
    visitor.options.sessions.revocations._due = float("-inf")
    visitor.clock.advance(2)
    visitor.session()
    cookie = visitor.cookie("authjs.session-token")
    monkeypatch.setattr(visitor.options.adapter, "get_user", lambda _: pytest.fail("asked once more"))
    for _ in range(3):
        visitor.clock.advance(2)
        session = visitor.session()
        assert session is not None
        assert session["user"]["role"] == "owner"

    assert visitor.cookie("authjs.session-token") == cookie


def test_nobody_confirms_or_links_while_it_cannot_be_told_who_is_there(visitor: ProviderClient) -> None:
    """A session that can't be read is not the same as none."""
    visitor.sign_in_as()
    house = state_of(visitor.app)
    own = house.core

    def fails(_: object) -> Any:
        raise RuntimeError

    visitor.options.sessions.cache.clear()
    token = visitor.csrf_token()
    house.core = with_callbacks(own, session=fails)
    fields = {"csrfToken": token, "purpose": "fresh", "callbackUrl": "/dashboard"}
    begun = visitor.post("/api/auth/signin/oidc", data=fields)

    assert query(begun.headers["Location"])["reason"] == "storage"
    assert visitor.flow_cookies() == []
