"""Callback of a link: the accounts, users and browsers that it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from genkan.callbacks import SignInParams
from genkan.session.revoker import revoke_user
from genkan.types import Account, User
from tests.provider_client import COOKIE, OTHER_USER, ProviderClient, SentSignals, query, run_parallel, set_callbacks
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_in.linking.linking_steps import (
    ORIGIN,
    OTHER_ACCOUNT,
    REDIRECT_TO,
    accounts,
    assert_refused,
    authorize_link,
    vera,
)


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
        other_op.before["/token"] = lambda: revoke_user(vera(client).id, "ended", client.core.sessions)

        assert_refused(client, client.get(callback_url), "signed-out", 401)

    def test_the_session_of_another_user_is_refused(self, client: ProviderClient, other_op: FaultyProvider) -> None:
        callback_url = authorize_link(client, other_op)
        client.sign_in_as(**OTHER_USER)

        assert_refused(client, client.get(callback_url), "another-person", 403)
        assert client.name() == "Rei Resident"
        other_user = client.core.adapter.get_user_by_account("oidc", "resident")
        assert other_user is not None
        assert len(client.core.adapter.list_accounts(other_user.id)) == 1

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
        (user,) = client.core.adapter.list_users()
        client.core.adapter.update_user(user.id, disabled=True)

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
