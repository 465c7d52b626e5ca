"""Reauthentication is for the same user, also with providers that send no `auth_time`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.provider_client import (
    COOKIE,
    OTHER_USER,
    ProviderClient,
    SentSignals,
    get_state,
    provider_env,
    query,
    set_callbacks,
)
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_in.reauthentication.confidential_views import CONFIDENTIAL, ORIGIN, add_views
from tests.sign_in.reauthentication.reauthentication_steps import (
    activity,
    assert_nothing_changed,
    reauthenticate,
    session_claims,
    start_reauthentication,
)


class TestSameUser:
    def test_another_user_is_refused_and_nothing_changes(
        self, provider_app: Flask, stale: ProviderClient, sent_signals: SentSignals
    ) -> None:
        """Neither a stored user nor a new one is accepted (GHSA-97r5-pg8x-p63p)."""
        ProviderClient(provider_app, stale.op).sign_in_as(**OTHER_USER)
        sent_signals.clear()
        before, users = stale.cookie(COOKIE), stale.core.adapter.list_users()
        for claims in (OTHER_USER, {"sub": "unknown", "name": "New Comer", "email": "new@example.org"}):
            response = reauthenticate(stale, **claims)
            page = stale.get(response.headers["Location"])

            assert query(response.headers["Location"])["reason"] == "another-person"
            assert page.status_code == 403
            assert "That was another account" in page.get_data(as_text=True)
            assert_nothing_changed(stale, before)
        assert (stale.core.adapter.list_users(), sent_signals) == (users, [])
        assert [(entry.kind, entry.detail) for entry in activity(stale)][:2] == [("refused", "another-person")] * 2

    def test_form_fields_do_not_choose_the_user(self, provider_app: Flask, stale: ProviderClient) -> None:
        other = ProviderClient(provider_app, stale.op)
        other.sign_in_as(**OTHER_USER)
        other_user = other.core.adapter.get_user_by_account("oidc", "resident")
        assert other_user is not None
        callback_url = stale.op.authorize(
            start_reauthentication(stale, user_id=other_user.id, sub=other_user.id), OTHER_USER
        )

        assert query(stale.get(callback_url).headers["Location"])["reason"] == "another-person"

    def test_it_does_not_end_in_another_user_s_session(self, provider_app: Flask, stale: ProviderClient) -> None:
        """Another user has signed in in the same browser in the meantime and stays signed in."""
        callback_url = stale.op.authorize(start_reauthentication(stale), {})
        stale.sign_in_as(**OTHER_USER)

        assert query(stale.get(callback_url).headers["Location"])["reason"] == "another-person"
        assert stale.name() == "Rei Resident"

    def test_after_a_sign_out_only_the_same_user_can_complete_it(
        self, provider_app: Flask, stale: ProviderClient
    ) -> None:
        ProviderClient(provider_app, stale.op).sign_in_as(**OTHER_USER)
        callback_url, other_callback_url = (
            stale.op.authorize(start_reauthentication(stale), {}),
            stale.op.authorize(start_reauthentication(stale), OTHER_USER),
        )
        stale.sign_out()

        assert query(stale.get(other_callback_url).headers["Location"])["reason"] == "another-person"
        assert stale.session() is None
        assert stale.get(callback_url).headers["Location"] == f"{ORIGIN}{CONFIDENTIAL}"
        assert stale.get(CONFIDENTIAL).status_code == 200

    def test_a_reauthentication_without_a_session_is_a_plain_sign_in(self, client: ProviderClient) -> None:
        params = start_reauthentication(client)

        assert "max_age" not in query(params)
        client.get(client.op.authorize(params))
        assert client.name() == "Vera Visitor"

    def test_a_denial_by_the_application_keeps_the_session(self, stale: ProviderClient) -> None:
        before = stale.cookie(COOKIE)
        set_callbacks(stale, sign_in=lambda _: False)

        assert query(reauthenticate(stale).headers["Location"])["error"] == "AccessDenied"
        assert_nothing_changed(stale, before)


class TestProvidersWithoutAuthTime:
    @pytest.mark.parametrize(("fault", "allowed"), [("no-auth-time", True), ("stale-auth-time", False)])
    def test_a_sign_in_counts_unless_auth_time_says_otherwise(
        self, make_app: MakeApp, op: FaultyProvider, fault: Any, allowed: bool
    ) -> None:
        """Slack is such a provider: `auth_time` is not requested, but still checked where present."""
        client = client_without_max_age(make_app, op)
        client.sign_in_as()
        client.clock.advance(3600)
        op.faults.id_token = fault
        params = start_reauthentication(client)
        client.get(op.authorize(params))

        assert (query(params)["prompt"], "max_age" in query(params)) == ("login", False)
        assert (client.get(CONFIDENTIAL).status_code == 200) is allowed

    def test_without_auth_time_a_plain_sign_in_does_not_count_where_max_age_is_supported(
        self, client: ProviderClient
    ) -> None:
        """The provider may have signed the user in from an old session of its own."""
        client.op.faults.id_token = "no-auth-time"
        client.sign_in_as()

        assert client.name() == "Vera Visitor"
        assert client.get(CONFIDENTIAL).status_code == 303
        client.op.faults.id_token = None
        reauthenticate(client)
        assert client.get(CONFIDENTIAL).status_code == 200

    def test_the_auth_time_of_an_old_authentication_is_used(self, client: ProviderClient) -> None:
        client.op.faults.id_token = "stale-auth-time"
        client.sign_in_as()

        assert session_claims(client)["auth_time"] == int(client.clock.now) - 3600
        assert client.get(CONFIDENTIAL).status_code == 303


def client_without_max_age(make_app: MakeApp, op: FaultyProvider) -> ProviderClient:
    """Return a client of an application whose provider does not support `max_age`."""
    client = ProviderClient(add_views(make_app(**provider_env(op))), op)
    state = get_state(client.app)
    silent = replace(state.core.providers["oidc"], supports_max_age=False)
    state.core = replace(state.core, providers={**state.core.providers, "oidc": silent})
    return client
