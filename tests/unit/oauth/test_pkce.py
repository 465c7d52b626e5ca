"""PKCE S256 goes to everybody but the two that refuse it, and what binds those flows instead (O1, RFC 9700 2.1.1)."""

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
OWN = "https://id.example.test"
EVERYBODY = [
    *(replace(provider, issuer=provider.issuer or OWN) for provider in PROVIDERS),
    development(f"{ORIGIN}/development", "made-up-secret"),
]


class Listener:
    """In every provider's place: publishes metadata, keeps what the token endpoint is sent, and refuses it."""

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


def begun_and_back(provider: Provider, clock: FrozenClock) -> tuple[dict[str, str], dict[str, str], Flow]:
    """What the authorization endpoint and the token endpoint were told, and the flow that it was about.

    To the token endpoint it is always told with the client's secret.
    """
    listener = Listener(provider)
    options: Core = make_core(clock, wsgi_apps={listener.origin: listener})
    configured = replace(provider, client_id="client", client_secret="made-up-secret")
    flow, _ = options.checks.create(configured.id, "/", RequestCookies())
    asked = dict(parse_qsl(urlsplit(options.oauth.authorization_url(configured, flow, {})).query))
    with pytest.raises(ProviderError):
        options.oauth.exchange_code(configured, flow, {"state": flow.state, "code": "c"})
    assert listener.form["code"] == "c"
    assert listener.form.get("client_secret") == "made-up-secret" or listener.authorization.startswith("Basic ")
    return asked, listener.form, flow


@pytest.mark.parametrize("provider", EVERYBODY, ids=lambda provider: provider.id)
def test_pkce_is_sent_to_everybody_but_these_two(provider: Provider, clock: FrozenClock) -> None:
    asked, given, flow = begun_and_back(provider, clock)

    if provider.id in WITHOUT_PKCE:
        assert not {"code_challenge", "code_challenge_method"} & asked.keys()
        assert "code_verifier" not in given
    else:
        assert asked["code_challenge_method"] == "S256"
        assert given["code_verifier"] == flow.code_verifier
        assert verifies(given["code_verifier"], asked["code_challenge"])


@pytest.mark.parametrize("provider", EVERYBODY, ids=lambda provider: provider.id)
def test_state_and_nonce_go_to_everybody_who_may_know_them(provider: Provider, clock: FrozenClock) -> None:
    asked, _, flow = begun_and_back(provider, clock)

    assert asked["state"] == flow.state
    assert asked.get("nonce") == (flow.nonce if provider.type == "oidc" else None)


def test_without_pkce_the_nonce_is_held_to_wherever_it_is_echoed() -> None:
    """LinkedIn's ID tokens lack it: there the state in its cookie, and the client secret, are all there is."""
    without = [provider for provider in EVERYBODY if not provider.pkce]

    assert {provider.id: (provider.type, provider.returns_nonce) for provider in without} == {
        "slack": ("oidc", True),
        "linkedin": ("oidc", False),
    }
