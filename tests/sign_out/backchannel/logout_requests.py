"""Requests to the back-channel logout endpoint, as a provider sends them."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

from tests.provider_client import ProviderClient
from tests.tokens.logout_tokens import logout_token

LOGOUT_PATH = "/api/auth/backchannel-logout/oidc"
SUBJECT = "visitor-1"
SID = "the-provider-s-session-1"


def send(client: ProviderClient, token: str, **request: Any) -> TestResponse:
    """Send a token as the provider's server does, without cookies."""
    test_client = client.app.test_client()
    return test_client.post(LOGOUT_PATH, base_url=client.origin, data={"logout_token": token}, **request)


def send_claims(client: ProviderClient, **changes: Any) -> TestResponse:
    """Send a valid token with these claims."""
    return send(client, logout_token(client.op, client.clock(), **changes))


def is_refused(response: TestResponse) -> bool:
    fields = (response.status_code, response.get_json(), response.headers["Cache-Control"])
    return fields == (400, {"error": "invalid_request"}, "no-store")
