"""Authorization requests: which parameters the client may set, and what protects the authorization code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provider_client import ProviderClient, query


@pytest.mark.parametrize("fault", [None, "access-denied", "wrong-iss"])
def test_the_callback_response_is_an_empty_redirect_without_referrer_and_cache(
    client: ProviderClient, fault: Any
) -> None:
    client.op.faults.callback = fault
    response = client.sign_in_as()

    assert response.status_code == 302
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.get_data() == b""


def test_only_allowed_authorization_params_reach_the_provider(client: ProviderClient) -> None:
    allowed = {
        "prompt": "login",
        "login_hint": "vera",
        "ui_locales": "ja",
        "acr_values": "low",
        "scope": "openid admin",
    }
    reserved = ["redirect_uri", "client_id", "response_type", "response_mode", "state", "nonce", "code_challenge"]
    forged = "&".join(f"{name}=forged" for name in [*reserved, "code_challenge_method", "request", "request_uri"])
    sent = "&".join(f"{name}={value}" for name, value in allowed.items())
    response = client.submit(f"/api/auth/signin/oidc?{sent}&{forged}", response_mode="fragment", login_hint="body")
    client.get(client.op.authorize(response.headers["Location"]))

    (params,) = client.op.authorizations
    assert "forged" not in params.values()
    assert {name: params.get(name) for name in allowed} == {
        **allowed,
        "acr_values": None,
        "scope": "openid profile email",
    }
    assert "response_mode" not in params
    assert client.name() == "Vera Visitor"


def test_a_login_hint_of_more_than_200_characters_is_left_out(client: ProviderClient) -> None:
    response = client.submit("/api/auth/signin/oidc?login_hint=" + "v" * 201)

    assert "login_hint" not in query(response.headers["Location"])


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_client_authenticates_by_the_method_of_the_metadata(client: ProviderClient, method: Any) -> None:
    """The secret holds `:`, `%`, `&` and `+`, which the provider decodes strictly (RFC 6749 section 2.3.1)."""
    client.op.client_auth = method
    client.sign_in_as()

    assert client.name() == "Vera Visitor"
    (call,) = [call for call in client.op.calls if call.path == "/token"]
    assert call.authorization == ("Basic" if method == "client_secret_basic" else None)
    assert ("client_secret" in call.body) is (method == "client_secret_post")
