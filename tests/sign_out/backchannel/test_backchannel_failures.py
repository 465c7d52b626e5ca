"""Back-channel logout while the provider or the database fails, and what is logged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from genkan.errors import AdapterError
from genkan.oauth.discovery import MIN_FORCED_INTERVAL
from tests.provider_client import ProviderClient
from tests.servers.faulty.faults import Faults
from tests.sign_out.backchannel.logout_requests import SID, SUBJECT, is_refused, send, send_claims
from tests.tokens.logout_tokens import draft, logout_token
from tests.tokens.signing import key


def test_unknown_key_ids_cause_few_key_requests_and_a_rotation_is_still_accepted(
    signed_in_client: ProviderClient,
) -> None:
    """At most one forced request in MIN_FORCED_INTERVAL."""
    before = signed_in_client.op.count("/jwks")
    forged = [
        replace(
            draft(signed_in_client.op, signed_in_client.clock(), {"kid": f"k{number}"}, sid=SID), signer=key("attacker")
        ).signed()
        for number in range(40)
    ]
    assert all(is_refused(send(signed_in_client, token)) for token in forged)
    assert signed_in_client.op.count("/jwks") <= before + 1

    signed_in_client.op.rotate()
    signed_in_client.clock.advance(MIN_FORCED_INTERVAL)
    assert send_claims(signed_in_client, sid=SID).status_code == 200
    assert signed_in_client.session() is None


@pytest.mark.parametrize("fault", ["500", "html", "reset", "no-keys"])
def test_a_token_can_be_sent_again_after_a_failed_key_request(client: ProviderClient, fault: Any) -> None:
    """The status is 503, and the token is not used up."""
    token = logout_token(client.op, client.clock(), sub=SUBJECT)
    client.op.faults.jwks = fault
    response = send(client, token)
    assert (response.status_code, response.headers["Cache-Control"]) == (503, "no-store")
    assert int(response.headers["Retry-After"]) > 0

    client.op.faults = Faults()
    assert send(client, token).status_code == 200


def test_a_token_can_be_sent_again_when_the_provider_was_down(client: ProviderClient) -> None:
    token = logout_token(client.op, client.clock(), sub=SUBJECT)
    with client.op.down():
        assert send(client, token).status_code == 503
    assert send(client, token).status_code == 200


def _fail(*_: object, **__: object) -> Any:
    raise AdapterError("down")


@pytest.mark.parametrize("method", ["get_user_by_account", "is_used", "use_once"])
def test_a_token_can_be_sent_again_when_the_database_was_down(
    signed_in_client: ProviderClient, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = logout_token(signed_in_client.op, signed_in_client.clock(), sub=SUBJECT)
    with monkeypatch.context() as patch:
        patch.setattr(type(signed_in_client.core.adapter), method, _fail)
        assert send(signed_in_client, token).status_code == 503
    assert send(signed_in_client, token).status_code == 200
    assert signed_in_client.session() is None


def test_a_revocation_that_could_not_be_stored_leaves_the_token_usable(
    signed_in_client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = logout_token(signed_in_client.op, signed_in_client.clock(), sid=SID)
    with monkeypatch.context() as patch:
        patch.setattr(type(signed_in_client.core.sessions.store), "revoke_by_provider", _fail)
        assert send(signed_in_client, token).status_code == 503
    assert signed_in_client.name() == "Vera Visitor"

    assert send(signed_in_client, token).status_code == 200
    assert signed_in_client.session() is None
    assert is_refused(send(signed_in_client, token))


def test_the_log_contains_no_token_and_no_identifier(
    signed_in_client: ProviderClient, caplog: pytest.LogCaptureFixture
) -> None:
    token = logout_token(signed_in_client.op, signed_in_client.clock(), sid=SID, sub=SUBJECT)
    with caplog.at_level("DEBUG", "genkan"):
        send(signed_in_client, token)
        send(signed_in_client, token)

    lines = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    assert any("used before" in line for line in lines)
    assert not any(secret in line for line in lines for secret in (token, SID, SUBJECT))


def test_the_log_says_that_a_logout_token_has_expired(
    signed_in_client: ProviderClient, caplog: pytest.LogCaptureFixture
) -> None:
    send_claims(signed_in_client, exp=int(signed_in_client.clock()) - 100)

    (record,) = [record for record in caplog.records if getattr(record, "event", "") == "backchannel-refused"]
    assert record.__dict__["detail"] == "token expired (clock skew?)"
