"""Fixture of the tests of back-channel logout: a client that is signed in at the provider."""

from __future__ import annotations

import pytest

from genkan.oauth.discovery import MIN_FORCED_INTERVAL
from genkan.session.revoker import revoke_user
from tests.provider_client import ProviderClient
from tests.servers.faulty.faults import Faults
from tests.sign_out.backchannel.logout_requests import SID


@pytest.fixture(name="signed_in_client")
def _signed_in_client(module_client: ProviderClient) -> ProviderClient:
    """Sign in with the provider session id SID, after all other sessions were revoked."""
    module_client.op.faults = Faults()
    for user in module_client.core.adapter.list_users():
        revoke_user(user.id, "owner", module_client.core.sessions)
    module_client.clock.advance(MIN_FORCED_INTERVAL)
    signed_in_client = ProviderClient(module_client.app, module_client.op)
    signed_in_client.sign_in_as(sid=SID)
    assert signed_in_client.name() == "Vera Visitor"
    return signed_in_client
