"""Form, method and headers of requests to the back-channel logout endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import HTMX
from tests.provider_client import OTHER_USER, ProviderClient
from tests.sign_out.backchannel.logout_requests import LOGOUT_PATH, SID, is_refused
from tests.tokens.logout_tokens import logout_token

INVALID_REQUESTS: list[dict[str, Any]] = [
    {},
    {"data": b""},
    {"data": {"logout_token": ""}},
    {"data": {"logout_token": ["a.b.c", "a.b.c"]}},
    {"data": {"logout_token": "x" * 60_000}},
    {"data": {"logout_token": "." * 2}},
    {"data": {"logout_token": "\x00.\ud83c.é".encode("utf-8", "surrogatepass")}},
    {"data": {"logout_token": "e30.e30.e30"}},
    {"data": {"logout_token": "bnVsbA.bnVsbA.bnVsbA"}},
    {"data": b"logout_token=%ff%fe%00", "content_type": "application/x-www-form-urlencoded"},
    {"data": b"\xff\xfe\x00", "content_type": "application/x-www-form-urlencoded"},
    {"data": b"{", "content_type": "application/json"},
    {"json": {"logout_token": "a.b.c"}},
    {"json": {"logout_token": ["a"]}},
    {"data": b"a.b.c", "content_type": "application/logout+jwt"},
    {"data": b"a.b.c", "content_type": "text/plain"},
    {"data": {"logout_token": "a.b.c"}, "content_type": "multipart/form-data"},
    {"data": b"x", "content_type": "multipart/form-data"},
    {"data": {"logout_token": "x" * 70_000}},
    {"query_string": {"logout_token": "a.b.c"}},
]


@pytest.mark.parametrize("request_args", INVALID_REQUESTS, ids=lambda request_args: repr(request_args)[:60])
def test_an_invalid_request_is_400_and_asks_no_provider(client: ProviderClient, request_args: dict[str, Any]) -> None:
    assert is_refused(client.app.test_client().post(LOGOUT_PATH, base_url=client.origin, **request_args))
    assert client.op.calls == []


@pytest.mark.parametrize("encoding", [{"query_string": True}, {"json": True}, {"content_type": "multipart/form-data"}])
def test_a_valid_token_is_accepted_in_a_form_only(signed_in_client: ProviderClient, encoding: dict[str, Any]) -> None:
    token = {"logout_token": logout_token(signed_in_client.op, signed_in_client.clock(), sid=SID)}
    arguments = {"data": token, **encoding} if "content_type" in encoding else dict.fromkeys(encoding, token)

    assert is_refused(
        signed_in_client.app.test_client().post(LOGOUT_PATH, base_url=signed_in_client.origin, **arguments)
    )
    assert signed_in_client.name() == "Vera Visitor"


def test_other_providers_and_methods_are_refused(signed_in_client: ProviderClient) -> None:
    test_client = signed_in_client.app.test_client()
    token = {"logout_token": logout_token(signed_in_client.op, signed_in_client.clock(), sid=SID)}
    for path in (LOGOUT_PATH + "x", LOGOUT_PATH.replace("oidc", "github"), LOGOUT_PATH.replace("oidc", "%00")):
        assert is_refused(test_client.post(path, base_url=signed_in_client.origin, data=token)), path
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        response = test_client.open(LOGOUT_PATH, method=method, base_url=signed_in_client.origin, query_string=token)
        assert (response.status_code, set(response.headers["Allow"].split(", "))) == (405, {"POST", "OPTIONS"})
    assert signed_in_client.name() == "Vera Visitor"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, HTMX, {}])
def test_origin_and_cookies_of_the_request_are_ignored(
    signed_in_client: ProviderClient, headers: dict[str, str]
) -> None:
    """Only the token counts. No CSRF token or Origin is needed, and the session of the cookie does not change."""
    other_client = ProviderClient(signed_in_client.app, signed_in_client.op)
    other_client.sign_in_as(**OTHER_USER)
    response = other_client.post(
        LOGOUT_PATH,
        data={"logout_token": logout_token(signed_in_client.op, signed_in_client.clock(), sid=SID)},
        headers=headers,
    )

    assert (response.status_code, response.headers.getlist("Set-Cookie")) == (200, [])
    assert "Vary" not in response.headers
    assert (signed_in_client.name(), other_client.name()) == (None, "Rei Resident")
