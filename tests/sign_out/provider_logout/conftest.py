"""Fixtures of the tests of RP-initiated logout: an application that asks for it, and a signed-in client."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, op: FaultyProvider) -> Flask:
    return make_app(**provider_env(op), AUTH_OIDC_SIGN_OUT="provider", AUTH_DEVELOPMENT_PROVIDER="off")


@pytest.fixture(name="signed_in_client")
def _signed_in_client(client: ProviderClient) -> ProviderClient:
    """Client with a session."""
    client.sign_in_as(sid="s1")
    assert client.name() == "Vera Visitor"
    return client
