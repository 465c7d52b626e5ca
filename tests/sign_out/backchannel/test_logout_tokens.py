"""Validation of logout tokens at the back-channel logout endpoint (section 2.6 of the specification)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from genkan.oauth.logout_token import MAX_AGE
from tests.provider_client import ProviderClient, failure_reason, get_state, run_parallel
from tests.servers.faulty.faults import Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_out.backchannel.logout_requests import SID, SUBJECT, is_refused, send, send_claims
from tests.tokens.id_tokens import Draft, faulty
from tests.tokens.logout_tokens import EVENT, draft, logout_token
from tests.tokens.signing import compact, key, signed_with_secret

Forge = Callable[[FaultyProvider, float], str]


def _forge(change: Callable[[Draft], Draft] | None = None, fault: str | None = None, **claims: Any) -> Forge:
    def forge(op: FaultyProvider, now: float) -> str:
        claims_with_defaults = {"sid": SID, "sub": SUBJECT, **claims}
        valid = draft(op, now, **claims_with_defaults)
        return faulty(change(valid) if change else valid, fault)

    return forge


def _signed_with_client_secret(op: FaultyProvider, now: float) -> str:
    valid = draft(op, now, sid=SID, sub=SUBJECT)
    return compact({**valid.header, "alg": "HS256"}, valid.claims, signed_with_secret(op.client_secret.encode()))


def _signed_by_another_key(op: FaultyProvider, now: float) -> str:
    return replace(draft(op, now, sid=SID), signer=key("attacker")).signed()


CONFORMANCE: dict[str, Forge] = {
    "backchannel-alg-none": _forge(fault="alg-none"),
    "backchannel-no-event": _forge(events=...),
    "backchannel-with-nonce": _forge(nonce="n"),
    "backchannel-wrong-alg": _signed_with_client_secret,
    "backchannel-wrong-aud": _forge(aud="another-client"),
    "backchannel-wrong-event": _forge(events={"http://schemas.openid.net/event/other": {}}),
    "backchannel-wrong-iss": _forge(iss="https://elsewhere.example"),
}
"""Modules of the suite's back-channel plan with an invalid token."""


INVALID_TOKENS: dict[str, Forge] = {
    **CONFORMANCE,
    **{fault: _forge(fault=fault) for fault in (
        "hs256-public-key", "wrong-key", "tampered", "jwk-header", "jku-header", "unknown-crit", "unknown-kid",
        "not-a-jwt", "list-payload", "missing-iss", "missing-aud", "foreign-aud-own-azp", "wrong-azp", "nbf-future",
        "empty-sub", "long-sub", "nul-sub", "fraction-sub", "boolean-sub", "list-sub", "missing-exp", "string-exp", "missing-iat",
        "string-iat", "boolean-iat", "boolean-nbf", "string-nbf", "iat-far-future", "wrong-typ",
    )},
    "another key": _signed_by_another_key,
    "expired": _forge(exp=0),
    "null nonce": _forge(nonce=None),
    "no jti": _forge(jti=...),
    "empty jti": _forge(jti=""),
    "number as jti": _forge(jti=7),
    "list as jti": _forge(jti=["a"]),
    "neither sub nor sid": _forge(sub=..., sid=...),
    "empty sid": _forge(sid=""),
    "number as sid": _forge(sid=7),
    "null sid": _forge(sid=None),
    "long sid": _forge(sid="s" * 256),
    "null sub": _forge(sub=None),
    "null events": _forge(events=None),
    "events in a list": _forge(events=[EVENT]),
    "events as text": _forge(events=EVENT),
    "event that is no object": _forge(events={EVENT: True}),
    "null event": _forge(events={EVENT: None}),
    "event in capitals": _forge(events={EVENT.upper(): {}}),
    "endless exp": _forge(exp=float(10**300), iat=-(10**300)),
    "NaN": _forge(exp=float("nan")),
    "infinite exp and iat": _forge(exp=float("inf"), iat=float("-inf")),
    "true as exp": _forge(exp=True),
}  # fmt: skip


@pytest.mark.parametrize("fault", INVALID_TOKENS)
def test_an_invalid_token_revokes_nothing(signed_in_client: ProviderClient, fault: str) -> None:
    token = INVALID_TOKENS[fault](signed_in_client.op, signed_in_client.clock())

    assert is_refused(send(signed_in_client, token))
    assert signed_in_client.name() == "Vera Visitor"
    assert signed_in_client.op.count("/elsewhere/attacker") == 0
    assert send_claims(signed_in_client, sid=SID).status_code == 200
    assert signed_in_client.session() is None


@pytest.mark.parametrize("kind", [..., "JWT", "jwt", "logout+jwt", "LOGOUT+JWT", "application/logout+jwt"])
def test_a_token_without_type_or_with_type_jwt_is_accepted(signed_in_client: ProviderClient, kind: Any) -> None:
    """The type `logout+jwt` is only recommended and unknown to older providers.

    The event identifies a logout token anyway.
    """
    assert send_claims(signed_in_client, sid=SID, header={"typ": kind}).status_code == 200
    assert signed_in_client.session() is None


@pytest.mark.parametrize("kind", ["at+jwt", "secevent+jwt", "logout+jwt;x", "", None, 7, ["logout+jwt"]])
def test_a_token_of_another_type_is_refused(signed_in_client: ProviderClient, kind: Any) -> None:
    assert is_refused(send_claims(signed_in_client, sid=SID, header={"typ": kind}))
    assert signed_in_client.name() == "Vera Visitor"


@pytest.mark.parametrize("more", [{"events": {EVENT: {}, "urn:other": {}}}, {"sid": SID, "trace": "x"}], ids=repr)
def test_further_claims_are_ignored(signed_in_client: ProviderClient, more: dict[str, Any]) -> None:
    assert send_claims(signed_in_client, **{"sub": SUBJECT, **more}).status_code == 200
    assert signed_in_client.session() is None


def test_a_token_sent_in_parallel_is_used_once(signed_in_client: ProviderClient) -> None:
    """One request uses up its `jti` in the database."""
    token = logout_token(signed_in_client.op, signed_in_client.clock(), sub=SUBJECT)
    responses = run_parallel(*[lambda: send(signed_in_client, token).status_code] * 8)
    assert sorted(responses) == [200, *[400] * 7]

    signed_in_client.sign_in_as(sid="the-next")
    assert is_refused(send(signed_in_client, token))
    assert signed_in_client.name() == "Vera Visitor"


def test_a_used_jti_is_refused_in_another_token(signed_in_client: ProviderClient) -> None:
    assert send_claims(signed_in_client, sid="x", jti="same").status_code == 200
    assert is_refused(send_claims(signed_in_client, sid="y", jti="same"))
    assert send_claims(signed_in_client, sid="y", jti="another").status_code == 200


@pytest.mark.parametrize(("late", "accepted"), [(120 + 59, True), (120 + 60, False), (-60, True), (-61, False)])
def test_clocks_may_differ_by_a_minute(signed_in_client: ProviderClient, late: float, accepted: bool) -> None:
    token = logout_token(signed_in_client.op, signed_in_client.clock() - late, sid=SID)

    assert (send(signed_in_client, token).status_code == 200) is accepted


def test_a_token_is_refused_after_a_day_whatever_its_exp(signed_in_client: ProviderClient) -> None:
    """Used ids need to be stored only for that time."""
    old = signed_in_client.clock() - MAX_AGE
    assert is_refused(send(signed_in_client, logout_token(signed_in_client.op, old - 60, sid=SID, exp=2**60)))
    assert send(signed_in_client, logout_token(signed_in_client.op, old, sid=SID, exp=2**60)).status_code == 200
    assert signed_in_client.session() is None


def test_an_id_token_is_not_a_logout_token(signed_in_client: ProviderClient) -> None:
    """Also when it is new, signed for this client and about the right user."""
    times = {"iat": int(signed_in_client.clock()), "exp": int(signed_in_client.clock()) + 3600}
    claims_with_defaults = {
        "iss": signed_in_client.op.issuer,
        "aud": signed_in_client.op.client_id,
        "sub": SUBJECT,
        "sid": SID,
        "jti": "j",
        **times,
    }
    for claims in (
        {**claims_with_defaults, "nonce": "n"},
        claims_with_defaults,
        {**claims_with_defaults, "events": {EVENT: {}}, "nonce": "n"},
    ):
        header = {"alg": "RS256", "kid": signed_in_client.op.signer.kid, "typ": "JWT"}
        assert is_refused(send(signed_in_client, compact(header, claims, signed_in_client.op.signer.sign)))
    assert signed_in_client.name() == "Vera Visitor"


def test_a_logout_token_is_not_an_id_token(client: ProviderClient) -> None:
    """Also with a provider whose ID tokens have no nonce, where only the event shows the difference."""
    providers = {"oidc": replace(client.core.providers["oidc"], returns_nonce=False)}
    state = get_state(client.app)
    state.core = replace(state.core, providers=providers)
    client.op.faults = Faults(id_token="missing-nonce")
    assert client.get(client.callback_url()).headers["Location"].endswith("/dashboard")
    client.sign_out()

    assert failure_reason(client.sign_in_as(events={EVENT: {}}), client) == "refused"
    assert client.name() is None
