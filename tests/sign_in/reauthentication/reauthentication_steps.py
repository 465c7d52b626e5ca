"""Steps of a reauthentication, and what it must not change."""

from __future__ import annotations

from typing import Any

from genkan.adapters.sessions import Activity
from tests.browser import Browser
from tests.provider_client import COOKIE, ProviderClient
from tests.sign_in.reauthentication.confidential_views import CONFIDENTIAL


def reauthenticate(client: ProviderClient, **claims: object) -> Any:
    """Start a reauthentication and authenticate as the user with `claims`. Return the response to the callback."""
    return client.get(client.op.authorize(start_reauthentication(client), claims))


def start_reauthentication(client: Browser, provider: str = "oidc", **fields: str) -> str:
    """Submit the reauthentication form. Return the provider's URL."""
    response = client.submit(f"/api/auth/signin/{provider}", None, callbackUrl=CONFIDENTIAL, purpose="fresh", **fields)
    return response.headers["Location"]


def session_claims(client: ProviderClient) -> dict[str, Any]:
    claims: dict[str, Any] = client.core.sessions.sealer.open(client.cookie(COOKIE) or "")
    return claims


def activity(client: ProviderClient) -> list[Activity]:
    """Return the first user's activity."""
    user = client.core.adapter.get_user_by_account("oidc", "visitor-1")
    assert user is not None
    entries: list[Activity] = client.core.sessions.store.list_activity(user.id, 10)
    return entries


def assert_nothing_changed(client: ProviderClient, before: str | None) -> None:
    assert client.cookie(COOKIE) == before
    assert client.name() == "Vera Visitor"
    assert client.get(CONFIDENTIAL).status_code == 303
    assert client.flow_cookies() == []
