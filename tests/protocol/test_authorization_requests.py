"""What goes to the provider and what comes back: nobody but us says how to ask, and no page keeps a code (O14-O16)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provider_client import ProviderClient, query


@pytest.mark.parametrize("fault", [None, "access-denied", "wrong-iss"])
def test_no_page_is_drawn_at_the_address_that_holds_the_code(client: ProviderClient, fault: Any) -> None:
    client.op.faults.callback = fault
    answer = client.sign_in_as()

    assert answer.status_code == 302
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.get_data() == b""


def test_only_what_is_the_visitor_s_to_say_reaches_the_provider(client: ProviderClient) -> None:
    mine = {"prompt": "login", "login_hint": "vera", "ui_locales": "ja", "acr_values": "low", "scope": "openid admin"}
    ours = ["redirect_uri", "client_id", "response_type", "response_mode", "state", "nonce", "code_challenge"]
    forged = "&".join(f"{name}=forged" for name in [*ours, "code_challenge_method", "request", "request_uri"])
    sent = "&".join(f"{name}={value}" for name, value in mine.items())
    answer = client.submit(f"/api/auth/signin/oidc?{sent}&{forged}", response_mode="fragment", login_hint="body")
    client.get(client.op.authorize(answer.headers["Location"]))

    (asked,) = client.op.authorizations
    assert "forged" not in asked.values()
    assert {name: asked.get(name) for name in mine} == {**mine, "acr_values": None, "scope": "openid profile email"}
    assert "response_mode" not in asked
    assert client.name() == "Vera Visitor"


def test_a_hint_as_long_as_a_novel_is_left_out(client: ProviderClient) -> None:
    answer = client.submit("/api/auth/signin/oidc?login_hint=" + "v" * 201)

    assert "login_hint" not in query(answer.headers["Location"])


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_house_proves_itself_in_the_one_way_that_the_provider_takes(client: ProviderClient, method: Any) -> None:
    """Its secret holds `:`, `%`, `&` and `+`, and the provider decodes it to the letter (RFC 6749 2.3.1)."""
    client.op.client_auth = method
    client.sign_in_as()

    assert client.name() == "Vera Visitor"
    (call,) = [call for call in client.op.calls if call.path == "/token"]
    assert call.authorization == ("Basic" if method == "client_secret_basic" else None)
    assert ("client_secret" in call.body) is (method == "client_secret_post")
