"""Linking another provider account to the signed-in user, who must have authenticated recently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from genkan import link
from genkan.callbacks import SignInParams
from genkan.session.revoker import revoke_all_sessions
from genkan.types import Account, User
from genkan.web.server_actions import LINK_MAX_AGE
from tests.browser import HTMX
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import (
    COOKIE,
    OTHER_USER,
    ProviderClient,
    SentSignals,
    provider_env,
    query,
    run_parallel,
    set_callbacks,
)
from tests.servers.faulty.provider import FaultyProvider

ORIGIN = "http://127.0.0.1:5000"
REDIRECT_TO = "/about?notice=linked"
LINK_PATH = "/link/zitadel"

OTHER_ACCOUNT = {"sub": "vera-there", "name": "V. Visitor", "email": "vera@elsewhere.example"}
"""Claims of the same user at the other provider, with another email."""


@pytest.fixture(name="other_op")
def _other_op(clock: FrozenClock) -> Iterator[FaultyProvider]:
    """Return the provider whose account is linked."""
    with FaultyProvider(clock=clock) as other_op:
        yield other_op


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, op: FaultyProvider, other_op: FaultyProvider) -> Flask:
    app = make_app(**provider_env(op), **provider_env(other_op, "ZITADEL"))
    blueprint = Blueprint("linking", __name__)

    @blueprint.route("/link/<provider_id>", methods=["GET", "POST"])
    def start_link(provider_id: str) -> Response:
        return link(provider_id, redirect_to=REDIRECT_TO)

    app.register_blueprint(blueprint)
    return app


@pytest.fixture(name="client")
def _client(provider_app: Flask, op: FaultyProvider) -> ProviderClient:
    client = ProviderClient(provider_app, op)
    client.sign_in_as()
    return client


def authorize_link(client: ProviderClient, other_op: FaultyProvider, **claims: object) -> str:
    """Submit the link form and consent at the other provider. Return the callback URL."""
    return other_op.authorize(client.submit(LINK_PATH).headers["Location"], {**OTHER_ACCOUNT, **claims})


def accounts(client: ProviderClient) -> list[tuple[str, str]]:
    """Return provider and subject of the user's accounts."""
    found = client.options.adapter.list_accounts(vera(client).id)
    return [(account.provider, account.provider_account_id) for account in found]


def vera(client: ProviderClient) -> User:
    user: User | None = client.options.adapter.get_user_by_account("oidc", "visitor-1")
    assert user is not None
    return user


def assert_refused(client: ProviderClient, response: TestResponse, reason: str | None, status: int) -> str:
    """Check that nothing was linked. Return the text of the error page."""
    params, page = query(response.headers["Location"]), client.get(response.headers["Location"])
    assert (params.get("reason"), params["purpose"], params["callbackUrl"]) == (reason, "link", REDIRECT_TO)
    assert page.status_code == status
    assert "Set-Cookie" not in response.headers or COOKIE not in str(response.headers.getlist("Set-Cookie"))
    assert accounts(client) == [("oidc", "visitor-1")]
    text = page.get_data(as_text=True)
    assert 'href="/about"' in text
    return text


class TestLinking:
    def test_linking_changes_neither_the_user_nor_the_session(
        self, client: ProviderClient, other_op: FaultyProvider, sent_signals: SentSignals
    ) -> None:
        before, user = client.cookie(COOKIE), vera(client)
        sent_signals.clear()
        response = client.get(authorize_link(client, other_op))

        assert (response.status_code, response.headers["Location"]) == (302, f"{ORIGIN}{REDIRECT_TO}")
        assert accounts(client) == [("oidc", "visitor-1"), ("zitadel", "vera-there")]
        assert (client.cookie(COOKIE), vera(client), client.flow_cookies()) == (before, user, [])
        ((name, kwargs),) = sent_signals
        assert (name, kwargs["user"], kwargs["account"].provider_account_id) == ("account-linked", user, "vera-there")
        latest = client.options.sessions.store.list_activity(user.id, 1)[0]
        assert (latest.kind, latest.provider, latest.ip_address) == ("linked", "zitadel", client.ip_address)

    def test_a_sign_in_with_the_linked_account_is_the_same_user(
        self, provider_app: Flask, client: ProviderClient, other_op: FaultyProvider
    ) -> None:
        client.get(authorize_link(client, other_op))
        other_client = ProviderClient(provider_app, other_op)
        other_client.get(
            other_op.authorize(other_client.begin_sign_in("/", "zitadel").headers["Location"], OTHER_ACCOUNT)
        )
        session = other_client.session()

        assert session is not None
        assert session["user"]["id"] == vera(client).id
        assert session["user"]["email"] == "visitor@example.org"

    def test_linking_again_only_updates_the_tokens(
        self, client: ProviderClient, other_op: FaultyProvider, sent_signals: SentSignals
    ) -> None:
        client.get(authorize_link(client, other_op))
        sent_signals.clear()
        tokens = [account.tokens for account in client.options.adapter.list_accounts(vera(client).id)]
        response = client.get(authorize_link(client, other_op))
        updated = [account.tokens for account in client.options.adapter.list_accounts(vera(client).id)]

        assert response.headers["Location"] == f"{ORIGIN}{REDIRECT_TO}"
        assert (updated[0], sent_signals) == (tokens[0], [])
        assert updated[1]["access_token"] != tokens[1]["access_token"]
        kinds = [entry.kind for entry in client.options.sessions.store.list_activity(vera(client).id, 10)]
        assert kinds.count("linked") == 1

    def test_htmx_gets_the_provider_s_url_in_a_header(self, client: ProviderClient) -> None:
        response = client.submit(LINK_PATH, headers=HTMX)

        assert response.status_code == 204
        assert response.headers["HX-Redirect"].startswith("http://127.0.0.1:")

    def test_the_provider_is_not_asked_for_a_new_authentication(self, client: ProviderClient) -> None:
        params = query(client.submit(LINK_PATH).headers["Location"])

        assert not {"prompt", "max_age"} & params.keys()

    def test_the_callback_url_of_a_link_is_not_used_by_the_next_sign_in(
        self, client: ProviderClient, other_op: FaultyProvider
    ) -> None:
        """The URL says that an account was linked."""
        client.get(authorize_link(client, other_op))
        client.sign_out()

        assert "notice=linked" not in client.get("/api/auth/signin").get_data(as_text=True)


class TestStartingALink:
    def test_a_get_request_starts_nothing(self, client: ProviderClient) -> None:
        """A link view that accepts GET is a programming error."""
        assert client.get(LINK_PATH).status_code == 500
        assert client.flow_cookies() == []

    def test_a_form_without_csrf_token_starts_nothing(self, client: ProviderClient) -> None:
        assert client.post(LINK_PATH).status_code == 403
        assert client.flow_cookies() == []

    def test_a_signed_out_user_cannot_start_a_link(self, provider_app: Flask, op: FaultyProvider) -> None:
        signed_out = ProviderClient(provider_app, op)

        assert signed_out.submit(LINK_PATH).headers["Location"].startswith("/api/auth/signin?callbackUrl=")
        assert signed_out.flow_cookies() == []

    @pytest.mark.parametrize(("seconds", "allowed"), [(LINK_MAX_AGE, True), (LINK_MAX_AGE + 1, False)])
    def test_a_recent_authentication_is_required(self, client: ProviderClient, seconds: int, allowed: bool) -> None:
        client.clock.advance(seconds)
        response = client.submit(LINK_PATH, headers={"Referer": f"{ORIGIN}/dashboard"})

        assert (len(client.flow_cookies()) == 1) is allowed
        assert allowed or response.headers["Location"] == "/api/auth/signin?callbackUrl=%2Fdashboard&reason=fresh"

    def test_the_sign_in_action_does_not_link_whatever_the_form_says(
        self, client: ProviderClient, other_op: FaultyProvider
    ) -> None:
        user_id = vera(client).id
        started = client.submit("/api/auth/signin/zitadel", purpose="link", user_id=user_id, callbackUrl="/")
        client.get(other_op.authorize(started.headers["Location"], OTHER_ACCOUNT))

        assert accounts(client) == [("oidc", "visitor-1")]
        assert client.name() == "V. Visitor"

    def test_an_unknown_provider_is_explained(self, client: ProviderClient) -> None:
        response = client.submit("/link/github")

        assert_refused(client, response, "provider", 400)

    def test_a_provider_that_is_down_is_explained(self, client: ProviderClient, other_op: FaultyProvider) -> None:
        with other_op.down():
            assert_refused(client, client.submit(LINK_PATH), "unavailable", 503)


class TestTheCallback:
    def test_an_account_of_another_user_is_refused(
        self, provider_app: Flask, client: ProviderClient, other_op: FaultyProvider
    ) -> None:
        owner = ProviderClient(provider_app, other_op)
        owner.get(other_op.authorize(owner.begin_sign_in("/", "zitadel").headers["Location"], OTHER_ACCOUNT))
        before = client.cookie(COOKIE)
        text = assert_refused(client, client.get(authorize_link(client, other_op)), "linked-elsewhere", 403)

        assert "That account is already in use here" in text
        assert (client.cookie(COOKIE), owner.name()) == (before, "V. Visitor")

    def test_a_user_who_signed_out_meanwhile_is_not_signed_in(
        self, client: ProviderClient, other_op: FaultyProvider
    ) -> None:
        """Neither as the user who started the link nor as the user of the other account."""
        callback_url = authorize_link(client, other_op)
        client.sign_out()
        text = assert_refused(client, client.get(callback_url), "signed-out", 401)

        assert "You have been signed out in the meantime" in text
        assert client.session() is None

    def test_a_session_revoked_meanwhile_is_refused(self, client: ProviderClient, other_op: FaultyProvider) -> None:
        callback_url = authorize_link(client, other_op)
        other_op.before["/token"] = lambda: revoke_all_sessions(vera(client).id, "ended", client.options.sessions)

        assert_refused(client, client.get(callback_url), "signed-out", 401)

    def test_the_session_of_another_user_is_refused(self, client: ProviderClient, other_op: FaultyProvider) -> None:
        callback_url = authorize_link(client, other_op)
        client.sign_in_as(**OTHER_USER)

        assert_refused(client, client.get(callback_url), "another-person", 403)
        assert client.name() == "Rei Resident"
        other_user = client.options.adapter.get_user_by_account("oidc", "resident")
        assert other_user is not None
        assert len(client.options.adapter.list_accounts(other_user.id)) == 1

    def test_the_browser_of_another_user_is_refused(
        self, provider_app: Flask, client: ProviderClient, other_op: FaultyProvider
    ) -> None:
        """A user who is made to follow another user's callback URL does not get that account linked."""
        callback_url = authorize_link(client, other_op)
        victim = ProviderClient(provider_app, client.op)
        victim.sign_in_as(**OTHER_USER)
        victim.get(callback_url)

        assert other_op.codes == []
        assert accounts(client) == [("oidc", "visitor-1")]
        assert victim.name() == "Rei Resident"

    def test_a_copied_flow_cookie_in_the_browser_of_another_user_is_refused(
        self, provider_app: Flask, client: ProviderClient, other_op: FaultyProvider
    ) -> None:
        callback_url = authorize_link(client, other_op)
        victim = ProviderClient(provider_app, client.op)
        victim.sign_in_as(**OTHER_USER)
        (flow,) = client.flow_cookies()
        victim.client.set_cookie(flow, str(client.cookie(flow)), domain="127.0.0.1")

        assert query(victim.get(callback_url).headers["Location"])["reason"] == "another-person"
        assert accounts(client) == [("oidc", "visitor-1")]

    def test_a_disabled_user_cannot_link(self, client: ProviderClient, other_op: FaultyProvider) -> None:
        callback_url = authorize_link(client, other_op)
        (user,) = client.options.adapter.list_users()
        client.options.adapter.update_user(user.id, disabled=True)

        assert_refused(client, client.get(callback_url), None, 403)

    @pytest.mark.parametrize(("result", "location"), [(False, None), ("/about?wait=1", f"{ORIGIN}/about?wait=1")])
    def test_the_sign_in_callback_can_deny_or_redirect_a_link(
        self, client: ProviderClient, other_op: FaultyProvider, result: Any, location: str | None
    ) -> None:
        calls: list[tuple[User, Account]] = []
        callback_url = authorize_link(client, other_op)

        def sign_in(params: SignInParams) -> Any:
            calls.append((params.user, params.account))
            return result

        set_callbacks(client, sign_in=sign_in)
        response = client.get(callback_url)

        assert accounts(client) == [("oidc", "visitor-1")]
        assert [(user, account.provider) for user, account in calls] == [(vera(client), "zitadel")]
        assert location in (None, response.headers["Location"])
        assert location or query(response.headers["Location"])["error"] == "AccessDenied"

    def test_a_declined_link_offers_no_sign_in(self, client: ProviderClient, other_op: FaultyProvider) -> None:
        other_op.faults.callback = "access-denied"
        text = assert_refused(client, client.get(authorize_link(client, other_op)), "declined", 400)

        assert "/api/auth/signin/" not in text.split("<main")[-1]

    def test_parallel_callbacks_link_once(
        self, client: ProviderClient, other_op: FaultyProvider, sent_signals: SentSignals
    ) -> None:
        callback_url, cookies = authorize_link(client, other_op), {"Cookie": client.cookie_header()}
        sent_signals.clear()
        clients = [client.app.test_client(use_cookies=False) for _ in range(4)]
        responses = run_parallel(
            *(lambda test_client=test_client: test_client.get(callback_url, headers=cookies) for test_client in clients)
        )

        assert {response.headers["Location"] for response in responses} == {f"{ORIGIN}{REDIRECT_TO}"}
        assert (len(other_op.codes), len(sent_signals)) == (1, 1)
        assert accounts(client) == [("oidc", "visitor-1"), ("zitadel", "vera-there")]
