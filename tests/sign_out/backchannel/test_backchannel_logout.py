"""Back-channel logout: providers revoke sessions with logout tokens (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from typing import Any

import pytest

from genkan import signals
from tests.conftest import MakeApp
from tests.provider_client import OTHER_USER, ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_out.backchannel.logout_requests import LOGOUT_PATH, SID, SUBJECT, is_refused, send, send_claims
from tests.tokens.logout_tokens import logout_token


@pytest.mark.parametrize("claims", [{"sid": SID}, {"sub": SUBJECT}, {"sid": SID, "sub": SUBJECT}], ids=repr)
def test_the_named_session_is_revoked(signed_in_client: ProviderClient, claims: dict[str, str]) -> None:
    """OpenID conformance suite: rp-backchannel-rpinitlogout."""
    response = send_claims(signed_in_client, **claims)

    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")
    assert signed_in_client.session() is None
    assert signed_in_client.get("/dashboard").status_code == 303


def test_a_copied_cookie_is_refused_after_the_logout(signed_in_client: ProviderClient) -> None:
    copied = signed_in_client.cookie("authjs.session-token")
    send_claims(signed_in_client, sid=SID)
    signed_in_client.client.set_cookie("authjs.session-token", copied or "", domain="127.0.0.1")

    assert signed_in_client.session() is None


def test_the_reason_is_recorded_and_the_signal_sent(signed_in_client: ProviderClient) -> None:
    revoked: list[Any] = []
    receiver = lambda _, record: revoked.append(record)  # noqa: E731
    with signals.session_revoked.connected_to(receiver):
        send_claims(signed_in_client, sid=SID)

    (record,) = revoked
    assert (record.provider, record.provider_sid, record.revocation_reason) == ("oidc", SID, "provider")
    entry = signed_in_client.core.sessions.store.list_activity(record.user_id, 10)[0]
    assert (entry.kind, entry.detail, entry.provider) == ("ended", "provider", "oidc")


def test_a_sid_revokes_one_session_and_a_sub_all_sessions_of_that_subject(signed_in_client: ProviderClient) -> None:
    other, third = (
        ProviderClient(signed_in_client.app, signed_in_client.op),
        ProviderClient(signed_in_client.app, signed_in_client.op),
    )
    other.sign_in_as(sid="another")
    third.sign_in_as()
    send_claims(signed_in_client, sid=SID)
    assert [client.name() for client in (signed_in_client, other, third)] == [None, "Vera Visitor", "Vera Visitor"]

    send_claims(signed_in_client, sub=SUBJECT)
    assert [client.name() for client in (signed_in_client, other, third)] == [None, None, None]


def test_a_token_with_sid_and_sub_revokes_only_a_session_that_matches_both(signed_in_client: ProviderClient) -> None:
    """Section 2.7 of the specification."""
    other_client = ProviderClient(signed_in_client.app, signed_in_client.op)
    other_client.sign_in_as(**OTHER_USER, sid="of-rei")

    assert send_claims(signed_in_client, sid="of-rei", sub=SUBJECT).status_code == 200
    assert send_claims(signed_in_client, sid=SID, sub=str(OTHER_USER["sub"])).status_code == 200
    assert send_claims(signed_in_client, sid=SID, sub="unknown").status_code == 200
    assert [signed_in_client.name(), other_client.name()] == ["Vera Visitor", "Rei Resident"]
    send_claims(signed_in_client, sid="of-rei", sub=str(OTHER_USER["sub"]))
    assert [signed_in_client.name(), other_client.name()] == ["Vera Visitor", None]


@pytest.mark.parametrize("claims", [{"sid": "unheard-of"}, {"sub": "unheard-of"}], ids=repr)
def test_an_unknown_session_is_a_success(signed_in_client: ProviderClient, claims: dict[str, str]) -> None:
    """Section 2.7: the user is already signed out."""
    assert send_claims(signed_in_client, **claims).status_code == 200
    assert signed_in_client.name() == "Vera Visitor"


def test_the_user_can_sign_in_again(signed_in_client: ProviderClient) -> None:
    send_claims(signed_in_client, sub=SUBJECT)
    signed_in_client.sign_in_as(sid="the-next")

    assert signed_in_client.name() == "Vera Visitor"


@pytest.fixture(name="second_op")
def _second_op(client: ProviderClient) -> Any:
    with FaultyProvider(clock=client.clock) as op:
        yield op


def test_another_provider_cannot_revoke_the_session(
    make_app: MakeApp, op: FaultyProvider, second_op: FaultyProvider
) -> None:
    """Not even with the same subject or session id."""
    second_op.redirect_uris = set()
    both = {**provider_env(op), "AUTH_ZITADEL_ID": op.client_id, "AUTH_ZITADEL_SECRET": op.client_secret}
    signed_in_client = ProviderClient(make_app(**both, AUTH_ZITADEL_ISSUER=second_op.issuer), op)
    signed_in_client.sign_in_as(sid=SID)
    forged = [
        logout_token(second_op, signed_in_client.clock(), **claims) for claims in ({"sub": SUBJECT}, {"sid": SID})
    ]

    assert all(is_refused(send(signed_in_client, token)) for token in forged)
    responses_of_other_path = [
        signed_in_client.app.test_client().post(LOGOUT_PATH.replace("oidc", "zitadel"), data={"logout_token": token})
        for token in forged
    ]
    assert [response.status_code for response in responses_of_other_path] == [200, 200]
    assert signed_in_client.name() == "Vera Visitor"


@pytest.mark.parametrize("subject", ["a\u00a0b", "a b", "\u00e9", "s" * 255])
def test_every_accepted_subject_can_be_revoked(signed_in_client: ProviderClient, subject: str) -> None:
    """Sign-in and logout have the same rule for a valid `sub`."""
    other = ProviderClient(signed_in_client.app, signed_in_client.op)
    other.sign_in_as(sub=subject, email=None)
    assert other.name() is not None

    assert send_claims(signed_in_client, sub=subject).status_code == 200
    assert (other.name(), signed_in_client.name()) == (None, "Vera Visitor")
