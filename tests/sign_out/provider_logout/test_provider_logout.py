"""RP-initiated logout: signing out continues at the provider where the setting asks for it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from genkan import sign_out
from genkan.crypto.compact import unverified_claims
from genkan.errors import AdapterError
from genkan.oauth.discovery import METADATA_SECONDS
from genkan.oauth.logout import MAX_HINT_CHARACTERS
from tests.browser import HTMX
from tests.conftest import ORIGIN
from tests.provider_client import ProviderClient, query
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_out.provider_logout.logout_steps import COOKIE, RETURN, return_url, submit_sign_out


def test_the_sign_out_leads_to_the_provider_and_back_to_the_callback_url(signed_in_client: ProviderClient) -> None:
    """OpenID conformance suite: rp-init-logout."""
    response = submit_sign_out(signed_in_client)
    location = response.headers["Location"]
    params = query(location)

    assert (response.status_code, response.headers["Referrer-Policy"]) == (303, "no-referrer")
    assert "Clear-Site-Data" not in response.headers  # its time grows with the browser's cache
    assert set(params) == {"id_token_hint", "post_logout_redirect_uri", "client_id", "state"}
    assert (params["client_id"], params["post_logout_redirect_uri"]) == (
        signed_in_client.op.client_id,
        f"{ORIGIN}{RETURN}",
    )
    assert unverified_claims(params["id_token_hint"])["sub"] == "visitor-1"
    assert len(params["state"]) >= 43
    assert signed_in_client.session() is None

    response_of_return = signed_in_client.get(return_url(location, signed_in_client.op))
    assert (response_of_return.status_code, response_of_return.headers["Location"]) == (302, f"{ORIGIN}/about")
    assert signed_in_client.cookie(COOKIE) is None


def test_the_session_and_its_copies_are_revoked_before_the_provider_is_asked(
    signed_in_client: ProviderClient,
) -> None:
    copied_cookie = signed_in_client.cookie("authjs.session-token")
    signed_in_client.clock.advance(METADATA_SECONDS)
    sessions: list[Any] = []
    copied_client = ProviderClient(signed_in_client.app, signed_in_client.op)
    copied_client.client.set_cookie("authjs.session-token", copied_cookie or "", domain="127.0.0.1")
    signed_in_client.op.before["/.well-known/openid-configuration"] = lambda: sessions.append(copied_client.session())
    submit_sign_out(signed_in_client)

    assert sessions == [None]


def test_htmx_gets_the_provider_s_url_in_a_header(signed_in_client: ProviderClient) -> None:
    response = submit_sign_out(signed_in_client, headers=HTMX)

    assert (response.status_code, response.data) == (204, b"")
    assert return_url(response.headers["HX-Redirect"], signed_in_client.op)
    assert "HX-Trigger" not in response.headers
    assert signed_in_client.session() is None


def test_a_json_client_gets_the_provider_s_url(signed_in_client: ProviderClient) -> None:
    """next-auth/react goes to `url`."""
    response = submit_sign_out(signed_in_client, headers={"X-Auth-Return-Redirect": "1"})

    assert response.status_code == 200
    assert return_url(response.get_json()["url"], signed_in_client.op)
    assert signed_in_client.session() is None


def test_without_the_session_record_the_sign_out_stays_local(
    signed_in_client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise AdapterError("down")

    with monkeypatch.context() as patch:
        patch.setattr(type(signed_in_client.core.sessions.store), "get", fail)
        response = submit_sign_out(signed_in_client)

    assert response.headers["Location"] == f"{ORIGIN}/about"
    assert signed_in_client.session() is None


def test_signing_out_without_a_session_makes_no_request(signed_in_client: ProviderClient) -> None:
    submit_sign_out(signed_in_client)
    calls = len(signed_in_client.op.calls)
    response = submit_sign_out(signed_in_client)

    assert response.headers["Location"] == f"{ORIGIN}/about"
    assert len(signed_in_client.op.calls) == calls


def test_another_site_cannot_sign_the_user_out(signed_in_client: ProviderClient) -> None:
    """Neither here nor at the provider."""
    assert (
        signed_in_client.post("/api/auth/signout")
        .headers["Location"]
        .startswith(f"{ORIGIN}/api/auth/signin?error=MissingCSRF")
    )
    foreign = signed_in_client.submit("/api/auth/signout", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert signed_in_client.name() == "Vera Visitor"


def test_the_hint_is_the_session_s_own_id_token_and_stored_encrypted(signed_in_client: ProviderClient) -> None:
    tokens = {
        record.id: record.id_token
        for record in signed_in_client.core.sessions.store.list_all_active(int(signed_in_client.clock()), 9)
    }
    other = ProviderClient(signed_in_client.app, signed_in_client.op)
    other.sign_in_as(sid="s2")
    hints = [
        unverified_claims(query(submit_sign_out(client).headers["Location"])["id_token_hint"])["sid"]
        for client in (other, signed_in_client)
    ]

    assert hints == ["s2", "s1"]
    (token,) = tokens.values()
    assert token
    with signed_in_client.core.sessions.store._database.read() as session:
        rows = session.connection().exec_driver_sql("select id_token from genkan_sessions").all()
    assert len(rows) == 2
    assert all(stored and token not in stored and len(stored.split(".")) == 5 for (stored,) in rows)


def test_a_hint_too_long_for_the_url_is_left_out(client: ProviderClient) -> None:
    client.sign_in_as(extra="x" * MAX_HINT_CHARACTERS)
    params = query(submit_sign_out(client).headers["Location"])

    assert "id_token_hint" not in params
    assert params["client_id"] == client.op.client_id


def test_the_sign_out_function_in_a_view_leads_to_the_provider(provider_app: Flask, op: FaultyProvider) -> None:
    provider_app.add_url_rule(
        "/custom-sign-out", "custom_sign_out", lambda: sign_out(redirect_to="/about"), methods=["POST"]
    )
    signed_in_client = ProviderClient(provider_app, op)
    signed_in_client.sign_in_as()
    response = signed_in_client.submit("/custom-sign-out")

    assert (
        signed_in_client.get(return_url(response.headers["Location"], signed_in_client.op)).headers["Location"]
        == f"{ORIGIN}/about"
    )
