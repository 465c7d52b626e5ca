"""PKCE with every provider that supports it, and the state and nonce of the others (RFC 9700 2.1.1)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest

from genkan.core import Core
from genkan.errors import ProviderError
from genkan.http.cookies import RequestCookies
from genkan.oauth.checks import Flow
from genkan.providers.base import Provider
from genkan.providers.development import development
from genkan.providers.registry import PROVIDERS
from tests.clock import FrozenClock
from tests.core import ORIGIN, make_core
from tests.servers.faulty.request_checks import verifies

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

WITHOUT_PKCE = {"slack", "linkedin"}
ISSUER = "https://id.example.test"
ALL_PROVIDERS = [
    *(replace(provider, issuer=provider.issuer or ISSUER) for provider in PROVIDERS),
    development(f"{ORIGIN}/development", "made-up-secret"),
]


class RecordingProvider:
    """WSGI application in place of a provider: it serves metadata, records the token request and refuses it."""

    def __init__(self, provider: Provider) -> None:
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(provider.token_endpoint or provider.issuer or ""))
        endpoints = {name: f"{self.origin}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        self.document = {"issuer": provider.multi_tenant_issuer or provider.issuer, **endpoints}
        self.form: dict[str, str] = {}
        self.authorization = ""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.document).encode()]
        self.authorization = environ.get("HTTP_AUTHORIZATION", "")
        self.form = dict(parse_qsl(environ["wsgi.input"].read().decode()))
        start_response("400 Bad Request", [("Content-Type", "application/json")])
        return [b'{"error": "invalid_grant"}']


def run_flow(provider: Provider, clock: FrozenClock) -> tuple[dict[str, str], dict[str, str], Flow]:
    """Return the parameters of the authorization request and of the token request, and the flow."""
    server = RecordingProvider(provider)
    core: Core = make_core(clock, wsgi_apps={server.origin: server})
    configured = replace(provider, client_id="client", client_secret="made-up-secret")
    flow, _ = core.checks.create(configured.id, "/", RequestCookies())
    authorization = dict(parse_qsl(urlsplit(core.oauth.authorization_url(configured, flow, {})).query))
    with pytest.raises(ProviderError):
        core.oauth.exchange_code(configured, flow, {"state": flow.state, "code": "c"})
    assert server.form["code"] == "c"
    assert server.form.get("client_secret") == "made-up-secret" or server.authorization.startswith("Basic ")
    return authorization, server.form, flow


# requirement O1
@pytest.mark.parametrize("provider", ALL_PROVIDERS, ids=lambda provider: provider.id)
def test_pkce_is_sent_to_every_provider_that_supports_it(provider: Provider, clock: FrozenClock) -> None:
    authorization, token_request, flow = run_flow(provider, clock)

    if provider.id in WITHOUT_PKCE:
        assert not {"code_challenge", "code_challenge_method"} & authorization.keys()
        assert "code_verifier" not in token_request
    else:
        assert authorization["code_challenge_method"] == "S256"
        assert token_request["code_verifier"] == flow.code_verifier
        assert verifies(token_request["code_verifier"], authorization["code_challenge"])


@pytest.mark.parametrize("provider", ALL_PROVIDERS, ids=lambda provider: provider.id)
def test_state_is_sent_to_every_provider_and_nonce_to_openid_providers(provider: Provider, clock: FrozenClock) -> None:
    authorization, _, flow = run_flow(provider, clock)

    assert authorization["state"] == flow.state
    assert authorization.get("nonce") == (flow.nonce if provider.type == "oidc" else None)


def test_without_pkce_the_nonce_is_checked_where_the_provider_returns_it() -> None:
    """LinkedIn's ID tokens have no nonce. Its flows are protected by the state in the cookie and the client secret."""
    without = [provider for provider in ALL_PROVIDERS if not provider.pkce]

    assert {provider.id: (provider.type, provider.returns_nonce) for provider in without} == {
        "slack": ("oidc", True),
        "linkedin": ("oidc", False),
    }
