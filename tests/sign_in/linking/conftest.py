"""Fixtures of the tests of linking: an application with two providers, and a signed-in client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Blueprint, Flask
from werkzeug.wrappers import Response

from genkan import link
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_in.linking.linking_steps import REDIRECT_TO


@pytest.fixture(name="other_op")
def _other_op(clock: FrozenClock) -> Iterator[FaultyProvider]:
    """Return the provider whose account is linked."""
    with FaultyProvider(clock=clock) as other_op:
        yield other_op


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, op: FaultyProvider, other_op: FaultyProvider) -> Flask:
    app = make_app(**provider_env(op), **provider_env(other_op, "ZITADEL"))
    blueprint = Blueprint("linking", __name__)

    @blueprint.route("/link/<provider_id>", methods=["GET", "POST"])
    def start_link(provider_id: str) -> Response:
        return link(provider_id, redirect_to=REDIRECT_TO)

    app.register_blueprint(blueprint)
    return app


@pytest.fixture(name="client")
def _client(provider_app: Flask, op: FaultyProvider) -> ProviderClient:
    client = ProviderClient(provider_app, op)
    client.sign_in_as()
    return client
