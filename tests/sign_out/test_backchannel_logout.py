"""Back-channel logout: providers revoke sessions with logout tokens (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from genkan import signals
from genkan.errors import AdapterError
from genkan.oauth.discovery import MIN_FORCED_INTERVAL
from genkan.oauth.logout_token import MAX_AGE
from genkan.session.revoker import revoke_all_sessions
from tests.browser import HTMX
from tests.conftest import MakeApp
from tests.provider_client import OTHER_USER, ProviderClient, failure_reason, get_state, provider_env, run_parallel
from tests.servers.faulty.faults import Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.id_tokens import Draft, faulty
from tests.tokens.logout_tokens import EVENT, draft, logout_token
from tests.tokens.signing import compact, key, signed_with_secret

LOGOUT_PATH = "/api/auth/backchannel-logout/oidc"
SUBJECT = "visitor-1"
SID = "the-provider-s-session-1"

Forge = Callable[[FaultyProvider, float], str]


def send(client: ProviderClient, token: str, **request: Any) -> TestResponse:
    """Send a token as the provider's server does, without cookies."""
    test_client = client.app.test_client()
    return test_client.post(LOGOUT_PATH, base_url=client.origin, data={"logout_token": token}, **request)


def send_claims(client: ProviderClient, **changes: Any) -> TestResponse:
    """Send a valid token with these claims."""
    return send(client, logout_token(client.op, client.clock(), **changes))


def is_refused(response: TestResponse) -> bool:
    fields = (response.status_code, response.get_json(), response.headers["Cache-Control"])
    return fields == (400, {"error": "invalid_request"}, "no-store")


@pytest.fixture(name="signed_in_client")
def _signed_in_client(module_client: ProviderClient) -> ProviderClient:
    """Sign in with the provider session id SID, after all other sessions were revoked."""
    module_client.op.faults = Faults()
    for user in module_client.options.adapter.list_users():
        revoke_all_sessions(user.id, "owner", module_client.options.sessions)
    module_client.clock.advance(MIN_FORCED_INTERVAL)
    signed_in_client = ProviderClient(module_client.app, module_client.op)
    signed_in_client.sign_in_as(sid=SID)
    assert signed_in_client.name() == "Vera Visitor"
    return signed_in_client


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
    entry = signed_in_client.options.sessions.store.list_activity(record.user_id, 10)[0]
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
    assert send_claims(signed_in_client, sid=SID, sub="nobody-we-know").status_code == 200
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
        "empty-sub", "long-sub", "nul-sub", "number-sub", "list-sub", "missing-exp", "string-exp", "missing-iat",
        "string-iat", "boolean-iat", "boolean-nbf", "string-nbf", "multiple-aud-no-azp", "iat-far-future", "wrong-typ",
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
    providers = {"oidc": replace(client.options.providers["oidc"], returns_nonce=False)}
    state = get_state(client.app)
    state.core = replace(state.core, providers=providers)
    client.op.faults = Faults(id_token="missing-nonce")
    assert client.get(client.callback_url()).headers["Location"].endswith("/dashboard")
    client.sign_out()

    assert failure_reason(client.sign_in_as(events={EVENT: {}}), client) == "refused"
    assert client.name() is None


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


@pytest.mark.parametrize("method", ["get_user_by_account", "use_once"])
def test_a_token_can_be_sent_again_when_the_database_was_down(
    signed_in_client: ProviderClient, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = logout_token(signed_in_client.op, signed_in_client.clock(), sub=SUBJECT)
    with monkeypatch.context() as patch:
        patch.setattr(type(signed_in_client.options.adapter), method, _fail)
        assert send(signed_in_client, token).status_code == 503
    assert signed_in_client.name() == "Vera Visitor"

    assert send(signed_in_client, token).status_code == 200
    assert signed_in_client.session() is None


def test_a_revocation_that_could_not_be_stored_is_retried(
    signed_in_client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database fails after the token was used up. The worker revokes the session later."""
    with monkeypatch.context() as patch:
        patch.setattr(type(signed_in_client.options.sessions.store), "revoke_by_provider", _fail)
        assert send_claims(signed_in_client, sid=SID).status_code == 503
    signed_in_client.options.sessions.revocations._due = signed_in_client.options.sessions.revocations._retry = float(
        "-inf"
    )
    signed_in_client.session()

    assert signed_in_client.session() is None


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


@pytest.mark.parametrize("subject", ["a\u00a0b", "a b", "\u00e9", "s" * 255])
def test_every_accepted_subject_can_be_revoked(signed_in_client: ProviderClient, subject: str) -> None:
    """Sign-in and logout have the same rule for a valid `sub`."""
    other = ProviderClient(signed_in_client.app, signed_in_client.op)
    other.sign_in_as(sub=subject, email=None)
    assert other.name() is not None

    assert send_claims(signed_in_client, sub=subject).status_code == 200
    assert (other.name(), signed_in_client.name()) == (None, "Vera Visitor")


def test_the_log_says_that_a_logout_token_has_expired(
    signed_in_client: ProviderClient, caplog: pytest.LogCaptureFixture
) -> None:
    send_claims(signed_in_client, exp=int(signed_in_client.clock()) - 100)

    (record,) = [record for record in caplog.records if getattr(record, "event", "") == "backchannel-refused"]
    assert record.__dict__["detail"] == "token expired (clock skew?)"
