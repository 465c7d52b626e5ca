"""`access_token` in a view: for whoever is signed in, and what is answered where no token can be had."""

from __future__ import annotations

import pytest
from flask import Flask

from auth import access_token
from genkan.web import public
from tests.browser import HTMX
from tests.provider_client import ProviderClient, get_state
from tests.servers.faulty.faults import Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.token_app import room

HOUR = 3600
WAY = "/api/auth/signin?error=ReconnectRequired&callbackUrl=%2Fcalendar%3Fweek%3D3"


@pytest.fixture(name="client")
def _client(provider_app: Flask, op: FaultyProvider) -> ProviderClient:
    op.refreshing = "rotate"
    provider_app.add_url_rule("/calendar", "calendar", lambda: access_token("oidc"), methods=["GET", "POST"])
    provider_app.add_url_rule("/open", "open", public(lambda: access_token("oidc")))
    provider_app.register_blueprint(room())
    return ProviderClient(provider_app, op)


def lose_the_connection(client: ProviderClient) -> None:
    """From the next request on."""
    client.sign_in_as()
    client.op.faults = Faults(token="invalid-grant")
    client.clock.advance(HOUR)


def test_a_view_gets_the_token_of_whoever_is_signed_in(client: ProviderClient) -> None:
    client.sign_in_as()
    [account] = get_state(client.app).core.adapter.list_accounts(str((client.session() or {})["user"]["id"]))
    answer = client.get("/calendar")
    assert answer.get_data(as_text=True) == account.tokens["access_token"]
    assert "no-store" in answer.headers["Cache-Control"]


def test_no_token_of_any_kind_is_in_the_cookies_or_the_session(client: ProviderClient) -> None:
    client.sign_in_as()
    token = client.get("/calendar").get_data(as_text=True)
    opened = get_state(client.app).core.sessions.open(client.cookie("authjs.session-token") or "")
    assert token not in str(opened) + str(client.session())
    assert not {"access_token", "refresh_token", "id_token"} & set(opened)


def test_a_page_leads_to_sign_in_and_back_again(client: ProviderClient) -> None:
    lose_the_connection(client)
    answer = client.get("/calendar?week=3")
    assert (answer.status_code, answer.headers["Location"]) == (303, WAY)
    page = client.get(WAY)
    assert page.status_code == 403
    assert "Please connect again" in page.get_data(as_text=True)
    assert 'action="/api/auth/signin/oidc"' in page.get_data(as_text=True)
    client.op.faults = Faults()
    assert client.sign_in_as("/calendar?week=3").headers["Location"].endswith("/calendar?week=3")
    assert client.get("/calendar?week=3").status_code == 200


def test_a_fragment_is_sent_there_by_the_page_around_it(client: ProviderClient) -> None:
    lose_the_connection(client)
    here = {**HTMX, "HX-Current-URL": f"{client.origin}/calendar?week=3"}
    answer = client.get("/calendar", headers=here)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (403, WAY)


def test_a_program_is_told_which_provider(client: ProviderClient) -> None:
    lose_the_connection(client)
    answer = client.get("/api/token/oidc")
    assert (answer.status_code, answer.get_json()) == (403, {"error": "ReconnectRequired", "provider": "oidc"})


def test_whoever_is_not_signed_in_is_refused_as_everywhere(client: ProviderClient) -> None:
    assert client.get("/open").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fopen"
    assert client.get("/open", headers=HTMX).status_code == 401
    assert client.get("/api/token/open/oidc").get_json() == {"error": "Unauthorized"}


def test_a_provider_that_is_down_is_503_for_now(client: ProviderClient) -> None:
    client.sign_in_as()
    client.op.faults = Faults(token="503")
    client.clock.advance(HOUR)
    for path in ("/calendar", "/api/token/oidc"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    client.op.faults = Faults()


def test_a_connection_that_is_lost_is_seen_among_the_activity(client: ProviderClient) -> None:
    lose_the_connection(client)
    client.get("/calendar")
    options = get_state(client.app).core
    [news] = [
        news
        for news in options.session_store.list_activity(str((client.session() or {})["user"]["id"]), 10)
        if news.kind == "connection-lost"
    ]
    assert (news.provider, news.at) == ("oidc", int(client.clock()))
