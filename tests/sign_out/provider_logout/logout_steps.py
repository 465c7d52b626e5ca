"""Steps of a sign-out that continues at the provider, and changes to the provider's metadata."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.provider_client import ProviderClient, query
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.metadata import metadata

RETURN = "/api/auth/signout/return"
COOKIE = "authjs.sign-out"


def submit_sign_out(signed_in_client: ProviderClient, callback_url: str = "/about", **request: Any) -> TestResponse:
    """Submit the sign-out form."""
    return signed_in_client.submit("/api/auth/signout", callbackUrl=callback_url, **request)


def return_url(location: str, op: FaultyProvider) -> str:
    """Return the URL to which the provider redirects after its logout."""
    assert location.startswith(f"{op.issuer}/end-session?")
    params = query(location)
    return f"{params['post_logout_redirect_uri']}?state={params['state']}"


def form_action(response: TestResponse) -> list[str] | None:
    directives = [header.split() for header in response.headers["Content-Security-Policy"].split(";")]
    return next((sources for name, *sources in directives if name == "form-action"), None)


def set_end_session_endpoint(monkeypatch: pytest.MonkeyPatch, endpoint: object) -> None:
    """Replace the `end_session_endpoint` in the provider's metadata."""
    changed = lambda *settings: {**metadata(*settings), "end_session_endpoint": endpoint}  # noqa: E731
    monkeypatch.setattr("tests.servers.faulty.provider.metadata", changed)
