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
from tests.provider_client import RESIDENT, ProviderClient, at_once, failure_reason, provider_env, state_of
from tests.servers.faulty.faults import Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.id_tokens import Draft, faulty
from tests.tokens.logout_tokens import EVENT, draft, logout_token
from tests.tokens.signing import compact, key, signed_with_secret

DOOR = "/api/auth/backchannel-logout/oidc"
SUBJECT = "visitor-1"
SID = "the-provider-s-session-1"

Forge = Callable[[FaultyProvider, float], str]


def send(visitor: ProviderClient, token: str, **request: Any) -> TestResponse:
    """As the provider's server would: with nothing but the token."""
    client = visitor.app.test_client()
    return client.post(DOOR, base_url=visitor.origin, data={"logout_token": token}, **request)


def tell(visitor: ProviderClient, **changes: Any) -> TestResponse:
    """An honest token that says this."""
    return send(visitor, logout_token(visitor.op, visitor.clock(), **changes))


def is_refused(answer: TestResponse) -> bool:
    said = (answer.status_code, answer.get_json(), answer.headers["Cache-Control"])
    return said == (400, {"error": "invalid_request"}, "no-store")


@pytest.fixture(name="guest")
def _guest(lasting_house: ProviderClient) -> ProviderClient:
    """Vera, signed in, in a session that the provider calls SID; nobody else has one."""
    lasting_house.op.faults = Faults()
    for user in lasting_house.options.adapter.list_users():
        revoke_all_sessions(user.id, "owner", lasting_house.options)
    lasting_house.clock.advance(MIN_FORCED_INTERVAL)
    guest = ProviderClient(lasting_house.app, lasting_house.op)
    guest.sign_in_as(sid=SID)
    assert guest.name() == "Vera Visitor"
    return guest


@pytest.mark.parametrize("said", [{"sid": SID}, {"sub": SUBJECT}, {"sid": SID, "sub": SUBJECT}], ids=repr)
def test_the_session_that_it_names_is_over(guest: ProviderClient, said: dict[str, str]) -> None:
    """Conformance suite: rp-backchannel-rpinitlogout."""
    answer = tell(guest, **said)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert guest.session() is None
    assert guest.get("/dashboard").status_code == 303


def test_a_copy_of_its_cookie_opens_nothing_either(guest: ProviderClient) -> None:
    copied = guest.cookie("authjs.session-token")
    tell(guest, sid=SID)
    guest.client.set_cookie("authjs.session-token", copied or "", domain="127.0.0.1")

    assert guest.session() is None


def test_why_is_written_down_and_whoever_listens_is_told(guest: ProviderClient) -> None:
    ended: list[Any] = []
    listen = lambda _, record: ended.append(record)  # noqa: E731
    with signals.session_revoked.connected_to(listen):
        tell(guest, sid=SID)

    (record,) = ended
    assert (record.provider, record.provider_sid, record.revocation_reason) == ("oidc", SID, "provider")
    told = guest.options.sessions.store.activity(record.user_id, 10)[0]
    assert (told.kind, told.detail, told.provider) == ("ended", "provider", "oidc")


def test_a_sid_ends_that_session_alone_and_a_sub_all_that_began_there(guest: ProviderClient) -> None:
    other, third = ProviderClient(guest.app, guest.op), ProviderClient(guest.app, guest.op)
    other.sign_in_as(sid="another")
    third.sign_in_as()
    tell(guest, sid=SID)
    assert [each.name() for each in (guest, other, third)] == [None, "Vera Visitor", "Vera Visitor"]

    tell(guest, sub=SUBJECT)
    assert [each.name() for each in (guest, other, third)] == [None, None, None]


def test_with_both_only_what_fits_both_ends(guest: ProviderClient) -> None:
    """Section 2.7: the session of that subject under that name."""
    rei = ProviderClient(guest.app, guest.op)
    rei.sign_in_as(**RESIDENT, sid="of-rei")

    assert tell(guest, sid="of-rei", sub=SUBJECT).status_code == 200
    assert tell(guest, sid=SID, sub=str(RESIDENT["sub"])).status_code == 200
    assert tell(guest, sid=SID, sub="nobody-we-know").status_code == 200
    assert [guest.name(), rei.name()] == ["Vera Visitor", "Rei Resident"]
    tell(guest, sid="of-rei", sub=str(RESIDENT["sub"]))
    assert [guest.name(), rei.name()] == ["Vera Visitor", None]


@pytest.mark.parametrize("said", [{"sid": "unheard-of"}, {"sub": "unheard-of"}], ids=repr)
def test_whoever_is_not_here_is_signed_out_already(guest: ProviderClient, said: dict[str, str]) -> None:
    """Section 2.7: that is a success."""
    assert tell(guest, **said).status_code == 200
    assert guest.name() == "Vera Visitor"


def test_the_person_comes_back_by_signing_in_again(guest: ProviderClient) -> None:
    tell(guest, sub=SUBJECT)
    guest.sign_in_as(sid="the-next")

    assert guest.name() == "Vera Visitor"


@pytest.fixture(name="second_op")
def _second_op(visitor: ProviderClient) -> Any:
    with FaultyProvider(clock=visitor.clock) as op:
        yield op


def test_another_provider_ends_nothing_that_did_not_begin_with_it(
    make_app: MakeApp, op: FaultyProvider, second_op: FaultyProvider
) -> None:
    """Not even where it calls somebody the same, or the session."""
    second_op.redirect_uris = set()
    both = {**provider_env(op), "AUTH_ZITADEL_ID": op.client_id, "AUTH_ZITADEL_SECRET": op.client_secret}
    guest = ProviderClient(make_app(**both, AUTH_ZITADEL_ISSUER=second_op.issuer), op)
    guest.sign_in_as(sid=SID)
    forged = [logout_token(second_op, guest.clock(), **said) for said in ({"sub": SUBJECT}, {"sid": SID})]

    assert all(is_refused(send(guest, token)) for token in forged)
    elsewhere = [
        guest.app.test_client().post(DOOR.replace("oidc", "zitadel"), data={"logout_token": token}) for token in forged
    ]
    assert [answer.status_code for answer in elsewhere] == [200, 200]
    assert guest.name() == "Vera Visitor"


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
def test_a_wrong_token_ends_nothing(guest: ProviderClient, enemy: str) -> None:
    token = ENEMIES[enemy](guest.op, guest.clock())

    assert is_refused(send(guest, token))
    assert guest.name() == "Vera Visitor"
    assert guest.op.count("/elsewhere/attacker") == 0
    assert tell(guest, sid=SID).status_code == 200
    assert guest.session() is None


@pytest.mark.parametrize("kind", [..., "JWT", "jwt", "logout+jwt", "LOGOUT+JWT", "application/logout+jwt"])
def test_a_token_that_leaves_its_type_out_or_calls_itself_a_jwt_is_believed(guest: ProviderClient, kind: Any) -> None:
    """The specification recommends `logout+jwt` and older providers don't know it; the event tells it apart anyway."""
    assert tell(guest, sid=SID, header={"typ": kind}).status_code == 200
    assert guest.session() is None


@pytest.mark.parametrize("kind", ["at+jwt", "secevent+jwt", "logout+jwt;x", "", None, 7, ["logout+jwt"]])
def test_a_token_that_says_it_is_of_another_kind_is_not(guest: ProviderClient, kind: Any) -> None:
    assert is_refused(tell(guest, sid=SID, header={"typ": kind}))
    assert guest.name() == "Vera Visitor"


@pytest.mark.parametrize("more", [{"events": {EVENT: {}, "urn:other": {}}}, {"sid": SID, "trace": "x"}], ids=repr)
def test_what_it_says_beyond_that_does_no_harm(guest: ProviderClient, more: dict[str, Any]) -> None:
    assert tell(guest, **{"sub": SUBJECT, **more}).status_code == 200
    assert guest.session() is None


def test_a_token_works_once_however_many_bring_it(guest: ProviderClient) -> None:
    """Its `jti` is spent in the database, by one (M3)."""
    token = logout_token(guest.op, guest.clock(), sub=SUBJECT)
    answers = at_once(*[lambda: send(guest, token).status_code] * 8)
    assert sorted(answers) == [200, *[400] * 7]

    guest.sign_in_as(sid="the-next")
    assert is_refused(send(guest, token))
    assert guest.name() == "Vera Visitor"


def test_a_jti_that_was_used_is_not_used_again_by_another_token(guest: ProviderClient) -> None:
    assert tell(guest, sid="x", jti="same").status_code == 200
    assert is_refused(tell(guest, sid="y", jti="same"))
    assert tell(guest, sid="y", jti="another").status_code == 200


@pytest.mark.parametrize(("late", "believed"), [(120 + 59, True), (120 + 60, False), (-60, True), (-61, False)])
def test_clocks_may_be_a_minute_apart(guest: ProviderClient, late: float, believed: bool) -> None:
    token = logout_token(guest.op, guest.clock() - late, sid=SID)

    assert (send(guest, token).status_code == 200) is believed


def test_a_token_is_over_after_a_day_whatever_it_says(guest: ProviderClient) -> None:
    """So what was used need not be known for ever."""
    old = guest.clock() - MAX_AGE
    assert is_refused(send(guest, logout_token(guest.op, old - 60, sid=SID, exp=2**60)))
    assert send(guest, logout_token(guest.op, old, sid=SID, exp=2**60)).status_code == 200
    assert guest.session() is None


def test_an_id_token_ends_no_session_with_its_nonce_or_without(guest: ProviderClient) -> None:
    """Also where it is signed for us, for the right person, just now."""
    times = {"iat": int(guest.clock()), "exp": int(guest.clock()) + 3600}
    about = {"iss": guest.op.issuer, "aud": guest.op.client_id, "sub": SUBJECT, "sid": SID, "jti": "j", **times}
    for claims in ({**about, "nonce": "n"}, about, {**about, "events": {EVENT: {}}, "nonce": "n"}):
        header = {"alg": "RS256", "kid": guest.op.signer.kid, "typ": "JWT"}
        assert is_refused(send(guest, compact(header, claims, guest.op.signer.sign)))
    assert guest.name() == "Vera Visitor"


def test_a_logout_token_signs_nobody_in(visitor: ProviderClient) -> None:
    """Also at a provider whose ID tokens have no nonce, where nothing but the event would tell."""
    providers = {"oidc": replace(visitor.options.providers["oidc"], echoes_nonce=False)}
    house = state_of(visitor.app)
    house.core = replace(house.core, providers=providers)
    visitor.op.faults = Faults(id_token="missing-nonce")
    assert visitor.get(visitor.callback_url()).headers["Location"].endswith("/dashboard")
    visitor.sign_out()

    assert failure_reason(visitor.sign_in_as(events={EVENT: {}}), visitor) == "refused"
    assert visitor.name() is None


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
def test_junk_is_400_and_asks_nobody(visitor: ProviderClient, junk: dict[str, Any]) -> None:
    assert is_refused(visitor.app.test_client().post(DOOR, base_url=visitor.origin, **junk))
    assert visitor.op.calls == []


@pytest.mark.parametrize("way", [{"query_string": True}, {"json": True}, {"content_type": "multipart/form-data"}])
def test_a_good_token_counts_in_a_form_only(guest: ProviderClient, way: dict[str, Any]) -> None:
    token = {"logout_token": logout_token(guest.op, guest.clock(), sid=SID)}
    given = {"data": token, **way} if "content_type" in way else dict.fromkeys(way, token)

    assert is_refused(guest.app.test_client().post(DOOR, base_url=guest.origin, **given))
    assert guest.name() == "Vera Visitor"


def test_there_is_no_such_door_for_other_providers_and_other_methods(guest: ProviderClient) -> None:
    client = guest.app.test_client()
    token = {"logout_token": logout_token(guest.op, guest.clock(), sid=SID)}
    for path in (DOOR + "x", DOOR.replace("oidc", "github"), DOOR.replace("oidc", "%00")):
        assert is_refused(client.post(path, base_url=guest.origin, data=token)), path
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = client.open(DOOR, method=method, base_url=guest.origin, query_string=token)
        assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, {"POST", "OPTIONS"})
    assert guest.name() == "Vera Visitor"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, HTMX, {}])
def test_who_calls_is_of_no_interest_and_no_cookie_is_read_or_set(
    guest: ProviderClient, headers: dict[str, str]
) -> None:
    """The token is all there is: no CSRF token, no origin, and the session that comes along stays as it is."""
    rei = ProviderClient(guest.app, guest.op)
    rei.sign_in_as(**RESIDENT)
    answer = rei.post(DOOR, data={"logout_token": logout_token(guest.op, guest.clock(), sid=SID)}, headers=headers)

    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (200, [])
    assert "Vary" not in answer.headers
    assert (guest.name(), rei.name()) == (None, "Rei Resident")


def test_a_flood_of_unknown_keys_causes_few_fetches_and_a_rotation_still_gets_through(guest: ProviderClient) -> None:
    """At most one out of turn in FORCED_SECONDS (O5)."""
    before = guest.op.count("/jwks")
    forged = [
        replace(draft(guest.op, guest.clock(), {"kid": f"k{number}"}, sid=SID), signer=key("attacker")).signed()
        for number in range(40)
    ]
    assert all(is_refused(send(guest, token)) for token in forged)
    assert guest.op.count("/jwks") <= before + 1

    guest.op.rotate()
    guest.clock.advance(MIN_FORCED_INTERVAL)
    assert tell(guest, sid=SID).status_code == 200
    assert guest.session() is None


@pytest.mark.parametrize("fault", ["500", "html", "reset", "no-keys"])
def test_a_provider_whose_keys_cannot_be_had_may_send_its_token_again(visitor: ProviderClient, fault: Any) -> None:
    """503, and the token is not used up."""
    token = logout_token(visitor.op, visitor.clock(), sub=SUBJECT)
    visitor.op.faults.jwks = fault
    answer = send(visitor, token)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store")
    assert int(answer.headers["Retry-After"]) > 0

    visitor.op.faults = Faults()
    assert send(visitor, token).status_code == 200


def test_a_provider_that_is_down_may_send_its_token_again(visitor: ProviderClient) -> None:
    token = logout_token(visitor.op, visitor.clock(), sub=SUBJECT)
    with visitor.op.down():
        assert send(visitor, token).status_code == 503
    assert send(visitor, token).status_code == 200


def _fail(*_: object, **__: object) -> Any:
    raise AdapterError("down")


@pytest.mark.parametrize("what", ["get_user_by_account", "spend"])
def test_while_our_database_is_down_the_token_keeps(
    guest: ProviderClient, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = logout_token(guest.op, guest.clock(), sub=SUBJECT)
    with monkeypatch.context() as broken:
        broken.setattr(type(guest.options.adapter), what, _fail)
        assert send(guest, token).status_code == 503
    assert guest.name() == "Vera Visitor"

    assert send(guest, token).status_code == 200
    assert guest.session() is None


def test_what_could_not_be_written_down_is_not_forgotten(
    guest: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes down between the use of the token and the ending: the worker ends it later by itself."""
    with monkeypatch.context() as broken:
        broken.setattr(type(guest.options.sessions.store), "revoke_by_provider", _fail)
        assert tell(guest, sid=SID).status_code == 503
    guest.options.sessions.revocations._due = guest.options.sessions.revocations._retry = float("-inf")
    guest.session()

    assert guest.session() is None


def test_no_token_and_no_name_stands_in_the_log(guest: ProviderClient, caplog: pytest.LogCaptureFixture) -> None:
    token = logout_token(guest.op, guest.clock(), sid=SID, sub=SUBJECT)
    with caplog.at_level("DEBUG", "genkan"):
        send(guest, token)
        send(guest, token)

    lines = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    assert any("used before" in line for line in lines)
    assert not any(secret in line for line in lines for secret in (token, SID, SUBJECT))


@pytest.mark.parametrize("subject", ["a\u00a0b", "a b", "\u00e9", "s" * 255])
def test_whoever_could_sign_in_as_somebody_can_be_signed_out_as_them(guest: ProviderClient, subject: str) -> None:
    """One rule for what may be a subject, so that no session is out of its provider's reach."""
    other = ProviderClient(guest.app, guest.op)
    other.sign_in_as(sub=subject, email=None)
    assert other.name() is not None

    assert tell(guest, sub=subject).status_code == 200
    assert (other.name(), guest.name()) == (None, "Vera Visitor")


def test_the_log_says_of_a_logout_token_that_a_token_has_expired(
    guest: ProviderClient, caplog: pytest.LogCaptureFixture
) -> None:
    tell(guest, exp=int(guest.clock()) - 100)

    (record,) = [record for record in caplog.records if getattr(record, "event", "") == "backchannel-refused"]
    assert record.__dict__["why"] == "token expired (clock skew?)"
