"""Steps of linking an account, and what a refused link must not change."""

from __future__ import annotations

from werkzeug.test import TestResponse

from genkan.types import User
from tests.provider_client import COOKIE, ProviderClient, query
from tests.servers.faulty.provider import FaultyProvider

ORIGIN = "http://127.0.0.1:5000"
REDIRECT_TO = "/about?notice=linked"
LINK_PATH = "/link/zitadel"

OTHER_ACCOUNT = {"sub": "vera-there", "name": "V. Visitor", "email": "vera@elsewhere.example"}
"""Claims of the same user at the other provider, with another email."""


def authorize_link(client: ProviderClient, other_op: FaultyProvider, **claims: object) -> str:
    """Submit the link form and consent at the other provider. Return the callback URL."""
    return other_op.authorize(client.submit(LINK_PATH).headers["Location"], {**OTHER_ACCOUNT, **claims})


def accounts(client: ProviderClient) -> list[tuple[str, str]]:
    """Return provider and subject of the user's accounts."""
    found = client.core.adapter.list_accounts(vera(client).id)
    return [(account.provider, account.provider_account_id) for account in found]


def vera(client: ProviderClient) -> User:
    user: User | None = client.core.adapter.get_user_by_account("oidc", "visitor-1")
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
