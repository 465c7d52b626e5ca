"""Sign-out with a provider that fails or whose metadata names no usable `end_session_endpoint`."""

from __future__ import annotations

import time
from typing import Any

import pytest

from genkan.oauth import logout
from genkan.oauth.discovery import METADATA_SECONDS, STALE_SECONDS
from tests.browser import HTMX
from tests.conftest import ORIGIN
from tests.provider_client import ProviderClient
from tests.sign_out.provider_logout.logout_steps import (
    form_action,
    return_url,
    set_end_session_endpoint,
    submit_sign_out,
)


def test_a_provider_that_is_down_does_not_prevent_signing_out(signed_in_client: ProviderClient) -> None:
    """No metadata is cached any more, so the sign-out is local."""
    signed_in_client.clock.advance(STALE_SECONDS)
    with signed_in_client.op.down():
        response = submit_sign_out(signed_in_client)

    assert (response.status_code, response.headers["Location"]) == (303, f"{ORIGIN}/about")
    assert signed_in_client.session() is None


@pytest.mark.parametrize("fault", ["hang", "drip", "500", "html", "redirect", "wrong-issuer"])
def test_a_faulty_provider_does_not_prevent_or_delay_signing_out(
    signed_in_client: ProviderClient, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logout, "TIMEOUT", 0.5)
    signed_in_client.clock.advance(STALE_SECONDS)
    signed_in_client.op.faults.discovery = fault
    started = time.monotonic()
    response = submit_sign_out(signed_in_client, headers=HTMX)

    assert (response.status_code, "HX-Redirect" in response.headers) == (200, False)
    assert "Sign in" in response.text
    assert time.monotonic() - started < 2.9
    assert signed_in_client.session() is None


def test_cached_metadata_is_used_while_the_provider_is_down(signed_in_client: ProviderClient) -> None:
    signed_in_client.clock.advance(METADATA_SECONDS)
    with signed_in_client.op.down():
        assert return_url(submit_sign_out(signed_in_client).headers["Location"], signed_in_client.op)


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        7,
        "",
        "http://elsewhere.example/out",
        "javascript:alert(1)",
        "//evil.example",
        "https://user@host.example/",
    ],
)
def test_without_a_trusted_end_session_endpoint_the_sign_out_is_local(
    client: ProviderClient, endpoint: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_end_session_endpoint(monkeypatch, endpoint)
    client.sign_in_as()
    response = submit_sign_out(client)

    assert response.headers["Location"] == f"{ORIGIN}/about"
    assert form_action(client.get("/")) == ["'self'"]
    assert client.session() is None


def test_the_query_of_the_endpoint_is_kept_and_a_fragment_is_refused(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_end_session_endpoint(monkeypatch, f"{client.op.issuer}/out?tenant=a")
    client.sign_in_as()
    assert submit_sign_out(client).headers["Location"].startswith(f"{client.op.issuer}/out?tenant=a&client_id=")

    client.clock.advance(METADATA_SECONDS)
    set_end_session_endpoint(monkeypatch, f"{client.op.issuer}/out#tenant")
    client.sign_in_as()
    assert submit_sign_out(client).headers["Location"] == f"{ORIGIN}/about"
    (reason,) = [
        record.__dict__["reason"] for record in caplog.records if getattr(record, "event", "") == "sign-out-local"
    ]
    assert reason == "an end_session_endpoint with a fragment"
