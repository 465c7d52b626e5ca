"""`access_token` in a view, and the responses of the view when no token is available."""

from __future__ import annotations

import pytest
from flask import Flask

from genkan import access_token, public
from tests.browser import HTMX
from tests.provider_client import ProviderClient, get_state
from tests.servers.faulty.faults import Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.token_app import token_blueprint

HOUR = 3600
RECONNECT_URL = "/api/auth/signin?error=ReconnectRequired&callbackUrl=%2Fcalendar%3Fweek%3D3"


@pytest.fixture(name="client")
def _client(provider_app: Flask, op: FaultyProvider) -> ProviderClient:
    op.refreshing = "rotate"
    provider_app.add_url_rule("/calendar", "calendar", lambda: access_token("oidc"), methods=["GET", "POST"])
    provider_app.add_url_rule("/open", "open", public(lambda: access_token("oidc")))
    provider_app.register_blueprint(token_blueprint())
    return ProviderClient(provider_app, op)


def expire_the_grant(client: ProviderClient) -> None:
    """Sign in, and let the provider refuse the refresh token from now on."""
    client.sign_in_as()
    client.op.faults = Faults(token="invalid-grant")
    client.clock.advance(HOUR)


def test_a_view_gets_the_signed_in_user_s_token(client: ProviderClient) -> None:
    client.sign_in_as()
    [account] = get_state(client.app).core.adapter.list_accounts(str((client.session() or {})["user"]["id"]))
    response = client.get("/calendar")
    assert response.get_data(as_text=True) == account.tokens["access_token"]
    assert "no-store" in response.headers["Cache-Control"]


def test_no_provider_token_is_in_the_cookie_or_the_session(client: ProviderClient) -> None:
    client.sign_in_as()
    token = client.get("/calendar").get_data(as_text=True)
    claims = get_state(client.app).core.sessions.sealer.open(client.cookie("authjs.session-token") or "")
    assert token not in str(claims) + str(client.session())
    assert not {"access_token", "refresh_token", "id_token"} & set(claims)


def test_a_page_redirects_to_the_sign_in_and_back(client: ProviderClient) -> None:
    expire_the_grant(client)
    response = client.get("/calendar?week=3")
    assert (response.status_code, response.headers["Location"]) == (303, RECONNECT_URL)
    page = client.get(RECONNECT_URL)
    assert page.status_code == 403
    assert "Please connect again" in page.get_data(as_text=True)
    assert 'action="/api/auth/signin/oidc"' in page.get_data(as_text=True)
    client.op.faults = Faults()
    assert client.sign_in_as("/calendar?week=3").headers["Location"].endswith("/calendar?week=3")
    assert client.get("/calendar?week=3").status_code == 200


def test_htmx_gets_the_redirect_in_a_header(client: ProviderClient) -> None:
    expire_the_grant(client)
    headers = {**HTMX, "HX-Current-URL": f"{client.origin}/calendar?week=3"}
    response = client.get("/calendar", headers=headers)
    assert (response.status_code, response.headers["HX-Redirect"]) == (403, RECONNECT_URL)


def test_a_json_client_gets_the_provider_id(client: ProviderClient) -> None:
    expire_the_grant(client)
    response = client.get("/api/token/oidc")
    assert (response.status_code, response.get_json()) == (403, {"error": "ReconnectRequired", "provider": "oidc"})


def test_a_signed_out_user_gets_the_usual_response(client: ProviderClient) -> None:
    assert client.get("/open").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fopen"
    assert client.get("/open", headers=HTMX).status_code == 401
    assert client.get("/api/token/open/oidc").get_json() == {"error": "Unauthorized"}


def test_a_provider_that_is_down_is_503(client: ProviderClient) -> None:
    client.sign_in_as()
    client.op.faults = Faults(token="503")
    client.clock.advance(HOUR)
    for path in ("/calendar", "/api/token/oidc"):
        response = client.get(path)
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
    client.op.faults = Faults()


def test_the_lost_connection_is_in_the_user_s_activity(client: ProviderClient) -> None:
    expire_the_grant(client)
    client.get("/calendar")
    options = get_state(client.app).core
    [entry] = [
        entry
        for entry in options.sessions.store.list_activity(str((client.session() or {})["user"]["id"]), 10)
        if entry.kind == "connection-lost"
    ]
    assert (entry.provider, entry.at) == ("oidc", int(client.clock()))
