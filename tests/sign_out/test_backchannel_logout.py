"""A provider ends sessions by logout tokens, and nobody else does (Back-Channel Logout 1.0, O17)."""

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

DOOR = "/api/auth/backchannel-logout/oidc"
SUBJECT = "visitor-1"
SID = "the-provider-s-session-1"

Forge = Callable[[FaultyProvider, float], str]


def send(client: ProviderClient, token: str, **request: Any) -> TestResponse:
    """As the provider's server would: with nothing but the token."""
    test_client = client.app.test_client()
    return test_client.post(DOOR, base_url=client.origin, data={"logout_token": token}, **request)


def tell(client: ProviderClient, **changes: Any) -> TestResponse:
    """An honest token that says this."""
    return send(client, logout_token(client.op, client.clock(), **changes))


def is_refused(answer: TestResponse) -> bool:
    said = (answer.status_code, answer.get_json(), answer.headers["Cache-Control"])
    return said == (400, {"error": "invalid_request"}, "no-store")


@pytest.fixture(name="signed_in_client")
def _signed_in_client(module_client: ProviderClient) -> ProviderClient:
    """Vera, signed in, in a session that the provider calls SID; nobody else has one."""
    module_client.op.faults = Faults()
    for user in module_client.options.adapter.list_users():
        revoke_all_sessions(user.id, "owner", module_client.options)
    module_client.clock.advance(MIN_FORCED_INTERVAL)
    signed_in_client = ProviderClient(module_client.app, module_client.op)
    signed_in_client.sign_in_as(sid=SID)
    assert signed_in_client.name() == "Vera Visitor"
    return signed_in_client


@pytest.mark.parametrize("said", [{"sid": SID}, {"sub": SUBJECT}, {"sid": SID, "sub": SUBJECT}], ids=repr)
def test_the_session_that_it_names_is_over(signed_in_client: ProviderClient, said: dict[str, str]) -> None:
    """Conformance suite: rp-backchannel-rpinitlogout."""
    answer = tell(signed_in_client, **said)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert signed_in_client.session() is None
    assert signed_in_client.get("/dashboard").status_code == 303


def test_a_copy_of_its_cookie_opens_nothing_either(signed_in_client: ProviderClient) -> None:
    copied = signed_in_client.cookie("authjs.session-token")
    tell(signed_in_client, sid=SID)
    signed_in_client.client.set_cookie("authjs.session-token", copied or "", domain="127.0.0.1")

    assert signed_in_client.session() is None


def test_why_is_written_down_and_whoever_listens_is_told(signed_in_client: ProviderClient) -> None:
    ended: list[Any] = []
    listen = lambda _, record: ended.append(record)  # noqa: E731
    with signals.session_revoked.connected_to(listen):
        tell(signed_in_client, sid=SID)

    (record,) = ended
    assert (record.provider, record.provider_sid, record.revocation_reason) == ("oidc", SID, "provider")
    told = signed_in_client.options.session_store.activity(record.user_id, 10)[0]
    assert (told.kind, told.detail, told.provider) == ("ended", "provider", "oidc")


def test_a_sid_ends_that_session_alone_and_a_sub_all_that_began_there(signed_in_client: ProviderClient) -> None:
    other, third = (
        ProviderClient(signed_in_client.app, signed_in_client.op),
        ProviderClient(signed_in_client.app, signed_in_client.op),
    )
    other.sign_in_as(sid="another")
    third.sign_in_as()
    tell(signed_in_client, sid=SID)
    assert [each.name() for each in (signed_in_client, other, third)] == [None, "Vera Visitor", "Vera Visitor"]

    tell(signed_in_client, sub=SUBJECT)
    assert [each.name() for each in (signed_in_client, other, third)] == [None, None, None]


def test_with_both_only_what_fits_both_ends(signed_in_client: ProviderClient) -> None:
    """Section 2.7: the session of that subject under that name."""
    rei = ProviderClient(signed_in_client.app, signed_in_client.op)
    rei.sign_in_as(**OTHER_USER, sid="of-rei")

    assert tell(signed_in_client, sid="of-rei", sub=SUBJECT).status_code == 200
    assert tell(signed_in_client, sid=SID, sub=str(OTHER_USER["sub"])).status_code == 200
    assert tell(signed_in_client, sid=SID, sub="nobody-we-know").status_code == 200
    assert [signed_in_client.name(), rei.name()] == ["Vera Visitor", "Rei Resident"]
    tell(signed_in_client, sid="of-rei", sub=str(OTHER_USER["sub"]))
    assert [signed_in_client.name(), rei.name()] == ["Vera Visitor", None]


@pytest.mark.parametrize("said", [{"sid": "unheard-of"}, {"sub": "unheard-of"}], ids=repr)
def test_whoever_is_not_here_is_signed_out_already(signed_in_client: ProviderClient, said: dict[str, str]) -> None:
    """Section 2.7: that is a success."""
    assert tell(signed_in_client, **said).status_code == 200
    assert signed_in_client.name() == "Vera Visitor"


def test_the_person_comes_back_by_signing_in_again(signed_in_client: ProviderClient) -> None:
    tell(signed_in_client, sub=SUBJECT)
    signed_in_client.sign_in_as(sid="the-next")

    assert signed_in_client.name() == "Vera Visitor"


@pytest.fixture(name="second_op")
def _second_op(client: ProviderClient) -> Any:
    with FaultyProvider(clock=client.clock) as op:
        yield op


def test_another_provider_ends_nothing_that_did_not_begin_with_it(
    make_app: MakeApp, op: FaultyProvider, second_op: FaultyProvider
) -> None:
    """Not even where it calls somebody the same, or the session."""
    second_op.redirect_uris = set()
    both = {**provider_env(op), "AUTH_ZITADEL_ID": op.client_id, "AUTH_ZITADEL_SECRET": op.client_secret}
    signed_in_client = ProviderClient(make_app(**both, AUTH_ZITADEL_ISSUER=second_op.issuer), op)
    signed_in_client.sign_in_as(sid=SID)
    forged = [logout_token(second_op, signed_in_client.clock(), **said) for said in ({"sub": SUBJECT}, {"sid": SID})]

    assert all(is_refused(send(signed_in_client, token)) for token in forged)
    elsewhere = [
        signed_in_client.app.test_client().post(DOOR.replace("oidc", "zitadel"), data={"logout_token": token})
        for token in forged
    ]
    assert [answer.status_code for answer in elsewhere] == [200, 200]
    assert signed_in_client.name() == "Vera Visitor"


def _forge(change: Callable[[Draft], Draft] | None = None, fault: str | None = None, **said: Any) -> Forge:
    def forge(op: FaultyProvider, now: float) -> str:
        about = {"sid": SID, "sub": SUBJECT, **said}
        honest = draft(op, now, **about)
        return faulty(change(honest) if change else honest, fault)

    return forge


def _signed_with_client_secret(op: FaultyProvider, now: float) -> str:
    honest = draft(op, now, sid=SID, sub=SUBJECT)
    return compact({**honest.header, "alg": "HS256"}, honest.claims, signed_with_secret(op.client_secret.encode()))


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
"""The modules of the suite's back-channel plan in which the token is bad; the one in which it is good is above."""

ENEMIES: dict[str, Forge] = {
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


@pytest.mark.parametrize("enemy", ENEMIES)
def test_a_wrong_token_ends_nothing(signed_in_client: ProviderClient, enemy: str) -> None:
    token = ENEMIES[enemy](signed_in_client.op, signed_in_client.clock())

    assert is_refused(send(signed_in_client, token))
    assert signed_in_client.name() == "Vera Visitor"
    assert signed_in_client.op.count("/elsewhere/attacker") == 0
    assert tell(signed_in_client, sid=SID).status_code == 200
    assert signed_in_client.session() is None


@pytest.mark.parametrize("kind", [..., "JWT", "jwt", "logout+jwt", "LOGOUT+JWT", "application/logout+jwt"])
def test_a_token_that_leaves_its_type_out_or_calls_itself_a_jwt_is_believed(
    signed_in_client: ProviderClient, kind: Any
) -> None:
    """The specification recommends `logout+jwt` and older providers don't know it; the event tells it apart anyway."""
    assert tell(signed_in_client, sid=SID, header={"typ": kind}).status_code == 200
    assert signed_in_client.session() is None


@pytest.mark.parametrize("kind", ["at+jwt", "secevent+jwt", "logout+jwt;x", "", None, 7, ["logout+jwt"]])
def test_a_token_that_says_it_is_of_another_kind_is_not(signed_in_client: ProviderClient, kind: Any) -> None:
    assert is_refused(tell(signed_in_client, sid=SID, header={"typ": kind}))
    assert signed_in_client.name() == "Vera Visitor"


@pytest.mark.parametrize("more", [{"events": {EVENT: {}, "urn:other": {}}}, {"sid": SID, "trace": "x"}], ids=repr)
def test_what_it_says_beyond_that_does_no_harm(signed_in_client: ProviderClient, more: dict[str, Any]) -> None:
    assert tell(signed_in_client, **{"sub": SUBJECT, **more}).status_code == 200
    assert signed_in_client.session() is None


def test_a_token_works_once_however_many_bring_it(signed_in_client: ProviderClient) -> None:
    """Its `jti` is spent in the database, by one (M3)."""
    token = logout_token(signed_in_client.op, signed_in_client.clock(), sub=SUBJECT)
    answers = run_parallel(*[lambda: send(signed_in_client, token).status_code] * 8)
    assert sorted(answers) == [200, *[400] * 7]

    signed_in_client.sign_in_as(sid="the-next")
    assert is_refused(send(signed_in_client, token))
    assert signed_in_client.name() == "Vera Visitor"


def test_a_jti_that_was_used_is_not_used_again_by_another_token(signed_in_client: ProviderClient) -> None:
    assert tell(signed_in_client, sid="x", jti="same").status_code == 200
    assert is_refused(tell(signed_in_client, sid="y", jti="same"))
    assert tell(signed_in_client, sid="y", jti="another").status_code == 200


@pytest.mark.parametrize(("late", "believed"), [(120 + 59, True), (120 + 60, False), (-60, True), (-61, False)])
def test_clocks_may_be_a_minute_apart(signed_in_client: ProviderClient, late: float, believed: bool) -> None:
    token = logout_token(signed_in_client.op, signed_in_client.clock() - late, sid=SID)

    assert (send(signed_in_client, token).status_code == 200) is believed


def test_a_token_is_over_after_a_day_whatever_it_says(signed_in_client: ProviderClient) -> None:
    """So what was used need not be known for ever."""
    old = signed_in_client.clock() - MAX_AGE
    assert is_refused(send(signed_in_client, logout_token(signed_in_client.op, old - 60, sid=SID, exp=2**60)))
    assert send(signed_in_client, logout_token(signed_in_client.op, old, sid=SID, exp=2**60)).status_code == 200
    assert signed_in_client.session() is None


def test_an_id_token_ends_no_session_with_its_nonce_or_without(signed_in_client: ProviderClient) -> None:
    """Also where it is signed for us, for the right person, just now."""
    times = {"iat": int(signed_in_client.clock()), "exp": int(signed_in_client.clock()) + 3600}
    about = {
        "iss": signed_in_client.op.issuer,
        "aud": signed_in_client.op.client_id,
        "sub": SUBJECT,
        "sid": SID,
        "jti": "j",
        **times,
    }
    for claims in ({**about, "nonce": "n"}, about, {**about, "events": {EVENT: {}}, "nonce": "n"}):
        header = {"alg": "RS256", "kid": signed_in_client.op.signer.kid, "typ": "JWT"}
        assert is_refused(send(signed_in_client, compact(header, claims, signed_in_client.op.signer.sign)))
    assert signed_in_client.name() == "Vera Visitor"


def test_a_logout_token_signs_nobody_in(client: ProviderClient) -> None:
    """Also at a provider whose ID tokens have no nonce, where nothing but the event would tell."""
    providers = {"oidc": replace(client.options.providers["oidc"], echoes_nonce=False)}
    state = get_state(client.app)
    state.core = replace(state.core, providers=providers)
    client.op.faults = Faults(id_token="missing-nonce")
    assert client.get(client.callback_url()).headers["Location"].endswith("/dashboard")
    client.sign_out()

    assert failure_reason(client.sign_in_as(events={EVENT: {}}), client) == "refused"
    assert client.name() is None


JUNK: list[dict[str, Any]] = [
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


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: repr(junk)[:60])
def test_junk_is_400_and_asks_nobody(client: ProviderClient, junk: dict[str, Any]) -> None:
    assert is_refused(client.app.test_client().post(DOOR, base_url=client.origin, **junk))
    assert client.op.calls == []


@pytest.mark.parametrize("way", [{"query_string": True}, {"json": True}, {"content_type": "multipart/form-data"}])
def test_a_good_token_counts_in_a_form_only(signed_in_client: ProviderClient, way: dict[str, Any]) -> None:
    token = {"logout_token": logout_token(signed_in_client.op, signed_in_client.clock(), sid=SID)}
    given = {"data": token, **way} if "content_type" in way else dict.fromkeys(way, token)

    assert is_refused(signed_in_client.app.test_client().post(DOOR, base_url=signed_in_client.origin, **given))
    assert signed_in_client.name() == "Vera Visitor"


def test_there_is_no_such_door_for_other_providers_and_other_methods(signed_in_client: ProviderClient) -> None:
    test_client = signed_in_client.app.test_client()
    token = {"logout_token": logout_token(signed_in_client.op, signed_in_client.clock(), sid=SID)}
    for path in (DOOR + "x", DOOR.replace("oidc", "github"), DOOR.replace("oidc", "%00")):
        assert is_refused(test_client.post(path, base_url=signed_in_client.origin, data=token)), path
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = test_client.open(DOOR, method=method, base_url=signed_in_client.origin, query_string=token)
        assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, {"POST", "OPTIONS"})
    assert signed_in_client.name() == "Vera Visitor"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, HTMX, {}])
def test_who_calls_is_of_no_interest_and_no_cookie_is_read_or_set(
    signed_in_client: ProviderClient, headers: dict[str, str]
) -> None:
    """The token is all there is: no CSRF token, no origin, and the session that comes along stays as it is."""
    rei = ProviderClient(signed_in_client.app, signed_in_client.op)
    rei.sign_in_as(**OTHER_USER)
    answer = rei.post(
        DOOR,
        data={"logout_token": logout_token(signed_in_client.op, signed_in_client.clock(), sid=SID)},
        headers=headers,
    )

    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (200, [])
    assert "Vary" not in answer.headers
    assert (signed_in_client.name(), rei.name()) == (None, "Rei Resident")


def test_a_flood_of_unknown_keys_causes_few_fetches_and_a_rotation_still_gets_through(
    signed_in_client: ProviderClient,
) -> None:
    """At most one out of turn in FORCED_SECONDS (O5)."""
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
    assert tell(signed_in_client, sid=SID).status_code == 200
    assert signed_in_client.session() is None


@pytest.mark.parametrize("fault", ["500", "html", "reset", "no-keys"])
def test_a_provider_whose_keys_cannot_be_had_may_send_its_token_again(client: ProviderClient, fault: Any) -> None:
    """503, and the token is not used up."""
    token = logout_token(client.op, client.clock(), sub=SUBJECT)
    client.op.faults.jwks = fault
    answer = send(client, token)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store")
    assert int(answer.headers["Retry-After"]) > 0

    client.op.faults = Faults()
    assert send(client, token).status_code == 200


def test_a_provider_that_is_down_may_send_its_token_again(client: ProviderClient) -> None:
    token = logout_token(client.op, client.clock(), sub=SUBJECT)
    with client.op.down():
        assert send(client, token).status_code == 503
    assert send(client, token).status_code == 200


def _fail(*_: object, **__: object) -> Any:
    raise AdapterError("down")


@pytest.mark.parametrize("what", ["get_user_by_account", "spend"])
def test_while_our_database_is_down_the_token_keeps(
    signed_in_client: ProviderClient, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = logout_token(signed_in_client.op, signed_in_client.clock(), sub=SUBJECT)
    with monkeypatch.context() as broken:
        broken.setattr(type(signed_in_client.options.adapter), what, _fail)
        assert send(signed_in_client, token).status_code == 503
    assert signed_in_client.name() == "Vera Visitor"

    assert send(signed_in_client, token).status_code == 200
    assert signed_in_client.session() is None


def test_what_could_not_be_written_down_is_not_forgotten(
    signed_in_client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes down between the use of the token and the ending: the worker ends it later by itself."""
    with monkeypatch.context() as broken:
        broken.setattr(type(signed_in_client.options.session_store), "revoke_by_provider", _fail)
        assert tell(signed_in_client, sid=SID).status_code == 503
    signed_in_client.options.revocations._due = signed_in_client.options.revocations._retry = float("-inf")
    signed_in_client.session()

    assert signed_in_client.session() is None


def test_no_token_and_no_name_stands_in_the_log(
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
def test_whoever_could_sign_in_as_somebody_can_be_signed_out_as_them(
    signed_in_client: ProviderClient, subject: str
) -> None:
    """One rule for what may be a subject, so that no session is out of its provider's reach."""
    other = ProviderClient(signed_in_client.app, signed_in_client.op)
    other.sign_in_as(sub=subject, email=None)
    assert other.name() is not None

    assert tell(signed_in_client, sub=subject).status_code == 200
    assert (other.name(), signed_in_client.name()) == (None, "Vera Visitor")


def test_the_log_says_of_a_logout_token_that_a_token_has_expired(
    signed_in_client: ProviderClient, caplog: pytest.LogCaptureFixture
) -> None:
    tell(signed_in_client, exp=int(signed_in_client.clock()) - 100)

    (record,) = [record for record in caplog.records if getattr(record, "event", "") == "backchannel-refused"]
    assert record.__dict__["why"] == "token expired (clock skew?)"
