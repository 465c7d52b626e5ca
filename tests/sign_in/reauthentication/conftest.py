"""Fixtures of the tests of reauthentication: applications with confidential views, and a client whose sign-in is old."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_in.reauthentication.confidential_views import add_views


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return add_views(make_app())


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, op: FaultyProvider) -> Flask:
    return add_views(make_app(**provider_env(op), AUTH_DEVELOPMENT_PROVIDER="off"))


@pytest.fixture(name="stale")
def _stale(client: ProviderClient) -> ProviderClient:
    """Client whose user signed in an hour ago."""
    client.sign_in_as()
    client.clock.advance(3600)
    return client
