"""Large claims, such as hundreds of groups in an ID token, do not prevent a sign-in."""

from __future__ import annotations

import pytest

from genkan.actions.access_token import access_token
from genkan.crypto.compact import MAX_TOKEN_CHARACTERS
from genkan.oauth.logout import MAX_HINT_CHARACTERS
from tests.conftest import MakeApp
from tests.provider_client import COOKIE, ProviderClient, failure_reason, provider_env, query
from tests.servers.faulty.provider import FaultyProvider

GROUPS = [f"CN=group {number:04},OU=People,DC=example,DC=org" for number in range(1200)]
"""About 60 kB."""


@pytest.fixture(name="client")
def _client(make_app: MakeApp, op: FaultyProvider) -> ProviderClient:
    op.refreshing = "rotate"
    return ProviderClient(make_app(**provider_env(op), AUTH_OIDC_SIGN_OUT="provider"), op)


@pytest.mark.parametrize("where", ["both", "id_token", "userinfo"])
def test_a_user_in_many_groups_is_signed_in_and_the_groups_are_not_stored(
    client: ProviderClient, op: FaultyProvider, where: str
) -> None:
    op.claims_in = where  # type: ignore[assignment]  # one of the three values
    client.sign_in_as(groups=GROUPS)

    assert client.name() == "Vera Visitor"
    assert len(client.cookie(COOKIE) or "") < 1000
    (record,) = client.core.sessions.store.list_all_active(int(client.clock()), 9)
    assert record.id_token is None or len(record.id_token) <= MAX_HINT_CHARACTERS


def test_large_tokens_are_stored_and_refreshed(client: ProviderClient, op: FaultyProvider) -> None:
    # Encryption makes a text a third longer. HTTP servers limit headers to 64 KiB, so longer tokens do not occur.
    op.padding = 60_000
    client.sign_in_as(groups=GROUPS)
    (user,) = client.core.adapter.list_users()
    (account,) = client.core.adapter.list_accounts(user.id)
    assert len(account.tokens["id_token"]) > MAX_TOKEN_CHARACTERS
    assert len(account.tokens["access_token"]) > 60_000

    first = access_token(user.id, "oidc", client.core)
    client.clock.advance(3600)
    second = access_token(user.id, "oidc", client.core)
    assert len(first) == len(second) > 60_000
    assert first != second


def test_the_provider_logout_has_no_hint_then(client: ProviderClient) -> None:
    client.sign_in_as(groups=GROUPS)

    params = query(client.sign_out().headers["Location"])
    assert "id_token_hint" not in params
    assert params["client_id"] == client.op.client_id
    assert client.session() is None


def test_a_response_above_a_megabyte_is_refused(client: ProviderClient) -> None:
    response = client.sign_in_as(groups=GROUPS * 20)

    assert failure_reason(response, client) in ("refused", "unavailable")
    assert client.session() is None
