"""`access_token` in a view: for whoever is signed in, and what is answered where no token can be had."""

from __future__ import annotations

import pytest
from flask import Flask

from auth import access_token
from genkan.web import public
from tests.browser import HTMX
from tests.provider_client import ProviderClient, state_of
from tests.servers.faulty.faults import Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.token_app import token_blueprint

HOUR = 3600
WAY = "/api/auth/signin?error=ReconnectRequired&callbackUrl=%2Fcalendar%3Fweek%3D3"


@pytest.fixture(name="visitor")
def _visitor(house: Flask, op: FaultyProvider) -> ProviderClient:
    op.refreshing = "rotate"
    house.add_url_rule("/calendar", "calendar", lambda: access_token("oidc"), methods=["GET", "POST"])
    house.add_url_rule("/open", "open", public(lambda: access_token("oidc")))
    house.register_blueprint(token_blueprint())
    return ProviderClient(house, op)


def lose_the_connection(visitor: ProviderClient) -> None:
    """From the next request on."""
    visitor.sign_in_as()
    visitor.op.faults = Faults(token="invalid-grant")
    visitor.clock.advance(HOUR)


def test_a_view_gets_the_token_of_whoever_is_signed_in(visitor: ProviderClient) -> None:
    visitor.sign_in_as()
    [account] = state_of(visitor.app).core.adapter.list_accounts(str((visitor.session() or {})["user"]["id"]))
    answer = visitor.get("/calendar")
    assert answer.get_data(as_text=True) == account.tokens["access_token"]
    assert "no-store" in answer.headers["Cache-Control"]


def test_no_token_of_any_kind_is_in_the_cookies_or_the_session(visitor: ProviderClient) -> None:
    visitor.sign_in_as()
    token = visitor.get("/calendar").get_data(as_text=True)
    opened = state_of(visitor.app).core.sessions.open(visitor.cookie("authjs.session-token") or "")
    assert token not in str(opened) + str(visitor.session())
    assert not {"access_token", "refresh_token", "id_token"} & set(opened)


def test_a_page_leads_to_sign_in_and_back_again(visitor: ProviderClient) -> None:
    lose_the_connection(visitor)
    answer = visitor.get("/calendar?week=3")
    assert (answer.status_code, answer.headers["Location"]) == (303, WAY)
    page = visitor.get(WAY)
    assert page.status_code == 403
    assert "Please connect again" in page.get_data(as_text=True)
    assert 'action="/api/auth/signin/oidc"' in page.get_data(as_text=True)
    visitor.op.faults = Faults()
    assert visitor.sign_in_as("/calendar?week=3").headers["Location"].endswith("/calendar?week=3")
    assert visitor.get("/calendar?week=3").status_code == 200


def test_a_fragment_is_sent_there_by_the_page_around_it(visitor: ProviderClient) -> None:
    lose_the_connection(visitor)
    here = {**HTMX, "HX-Current-URL": f"{visitor.origin}/calendar?week=3"}
    answer = visitor.get("/calendar", headers=here)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (403, WAY)


def test_a_program_is_told_which_provider(visitor: ProviderClient) -> None:
    lose_the_connection(visitor)
    answer = visitor.get("/api/token/oidc")
    assert (answer.status_code, answer.get_json()) == (403, {"error": "ReconnectRequired", "provider": "oidc"})


def test_whoever_is_not_signed_in_is_refused_as_everywhere(visitor: ProviderClient) -> None:
    assert visitor.get("/open").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fopen"
    assert visitor.get("/open", headers=HTMX).status_code == 401
    assert visitor.get("/api/token/open/oidc").get_json() == {"error": "Unauthorized"}


def test_a_provider_that_is_down_is_503_for_now(visitor: ProviderClient) -> None:
    visitor.sign_in_as()
    visitor.op.faults = Faults(token="503")
    visitor.clock.advance(HOUR)
    for path in ("/calendar", "/api/token/oidc"):
        answer = visitor.get(path)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    visitor.op.faults = Faults()


def test_a_connection_that_is_lost_is_seen_among_the_activity(visitor: ProviderClient) -> None:
    lose_the_connection(visitor)
    visitor.get("/calendar")
    options = state_of(visitor.app).core
    [news] = [
        news
        for news in options.session_store.list_activity(str((visitor.session() or {})["user"]["id"]), 10)
        if news.kind == "connection-lost"
    ]
    assert (news.provider, news.at) == ("oidc", int(visitor.clock()))
