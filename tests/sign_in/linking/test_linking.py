"""Linking another provider account to the signed-in user, who must have authenticated recently."""

from __future__ import annotations

import pytest
from flask import Flask

from genkan.web.server_actions import LINK_MAX_AGE
from tests.browser import HTMX
from tests.provider_client import COOKIE, ProviderClient, SentSignals, query
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_in.linking.linking_steps import (
    LINK_PATH,
    ORIGIN,
    OTHER_ACCOUNT,
    REDIRECT_TO,
    accounts,
    assert_refused,
    authorize_link,
    vera,
)


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
        latest = client.core.sessions.store.list_activity(user.id, 1)[0]
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
        tokens = [account.tokens for account in client.core.adapter.list_accounts(vera(client).id)]
        response = client.get(authorize_link(client, other_op))
        updated = [account.tokens for account in client.core.adapter.list_accounts(vera(client).id)]

        assert response.headers["Location"] == f"{ORIGIN}{REDIRECT_TO}"
        assert (updated[0], sent_signals) == (tokens[0], [])
        assert updated[1]["access_token"] != tokens[1]["access_token"]
        kinds = [entry.kind for entry in client.core.sessions.store.list_activity(vera(client).id, 10)]
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
