"""An ID token that is wrong in any way signs nobody in; one that is merely odd does (O3-O7, O11, F11)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from genkan.oauth.discovery import STALE_SECONDS
from genkan.providers.microsoft_entra_id import microsoft_entra_id
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, failure_reason, provider_env
from tests.servers.faulty import faults
from tests.servers.faulty.faults import HARMLESS_ID_TOKENS, Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.signing import key

WRONG = [name for name in faults.ID_TOKEN if name not in HARMLESS_ID_TOKENS]


@pytest.fixture(autouse=True)
def _honest_again(lasting_house: ProviderClient) -> Iterator[None]:
    yield
    op = lasting_house.op
    op.faults, op.skew, op.claims_in, op.before = Faults(), 0.0, "both", {}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_id_token_signs_nobody_in_and_is_not_shown_around(resident: ProviderClient, fault: Any) -> None:
    """Neither userinfo nor any key that the token itself names is asked for its sake (conformance suite)."""
    resident.op.faults.id_token = fault
    asked = resident.op.count("/userinfo")

    assert failure_reason(resident.sign_in_as(), resident) == "refused"
    assert (resident.name(), resident.flow_cookies()) == ("Rei Resident", [])
    assert resident.op.count("/userinfo") == asked
    assert resident.op.count("/elsewhere/attacker") == 0
    resident.op.faults = Faults()
    resident.sign_in_as()
    assert resident.name() == "Vera Visitor"


@pytest.mark.parametrize("fault", HARMLESS_ID_TOKENS)
def test_an_id_token_that_is_only_odd_is_believed(resident: ProviderClient, fault: Any) -> None:
    resident.op.faults.id_token = fault
    resident.sign_in_as()

    assert resident.name() == "Vera Visitor"


@pytest.mark.parametrize(
    ("skew", "believed"), [(60, True), (61, False), (-3600 - 59, True), (-3600 - 60, False), (-60, True)]
)
def test_a_provider_s_clock_may_be_a_minute_off_and_no_more(
    resident: ProviderClient, skew: float, believed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its tokens live for an hour; the log names the skew, for whoever has to find out (F11)."""
    resident.op.skew = skew
    answer = resident.sign_in_as()

    if believed:
        assert resident.name() == "Vera Visitor"
    else:
        assert failure_reason(answer, resident) == "refused"
        assert any("clock skew" in str(record.__dict__.get("why")) for record in caplog.records)


@pytest.mark.parametrize("fault", [None, "tampered", "hs256-public-key", "alg-none"])
def test_elliptic_curves_are_held_to_the_same(make_app: MakeApp, clock: Any, fault: Any) -> None:
    with FaultyProvider(algorithm="ES256", clock=clock) as op:
        visitor = ProviderClient(make_app(**provider_env(op)), op)
        op.faults.id_token = fault
        answer = visitor.sign_in_as()

        assert visitor.name() == (None if fault else "Vera Visitor")
        assert fault is None or failure_reason(answer, visitor) == "refused"


@pytest.mark.parametrize("bits", [1024, 2047])
def test_a_short_key_signs_nobody_in_though_the_signature_is_good(resident: ProviderClient, bits: int) -> None:
    """Below 2048 bits its owner is not the only one who can sign (RFC 7518 3.3, RFC 8725 3.5)."""
    op = resident.op
    long, short = op.signer, key("short", bits=bits)
    op.signer, op.published = short, [long, short]
    try:
        resident.clock.advance(STALE_SECONDS)
        assert failure_reason(resident.sign_in_as(), resident) == "refused"
        assert resident.name() == "Rei Resident"
    finally:
        op.signer, op.published = long, [long]
    resident.sign_in_as()
    assert resident.name() == "Vera Visitor"


def test_metadata_narrows_the_algorithms(visitor: ProviderClient) -> None:
    """A provider that announces RS256 is not believed in ES256, though the key is published and the signature good."""
    visitor.op.signer = key("another", "ES256")
    visitor.op.published.append(visitor.op.signer)

    assert failure_reason(visitor.sign_in_as(), visitor) == "refused"


@pytest.mark.parametrize("fault", ["alg-none", "hs256-public-key", None])
def test_metadata_never_widens_the_algorithms(visitor: ProviderClient, fault: Any) -> None:
    """It announces `none` and HS256 only: nothing that we take is left, so nothing is taken."""
    visitor.op.faults = Faults(discovery="alg-none", id_token=fault)

    assert failure_reason(visitor.sign_in_as(), visitor) == "refused"


@pytest.mark.parametrize("claims_in", ["both", "userinfo"])
@pytest.mark.parametrize("fault", faults.MALFORMED_CLAIMS)
def test_odd_claims_are_cleaned_or_left_out(lasting_house: ProviderClient, fault: str, claims_in: Any) -> None:
    visitor = ProviderClient(lasting_house.app, lasting_house.op)
    visitor.op.faults.claims, visitor.op.claims_in = fault, claims_in
    answer = visitor.sign_in_as(sub=f"{fault} in {claims_in}", email=f"{fault}.{claims_in}@example.org")

    assert answer.status_code == 302
    session = visitor.session()
    # A token of that length makes the answer too large; at userinfo it just passes, and the name is cut.
    if (fault, claims_in) == ("name-megabyte", "both"):
        assert failure_reason(answer, visitor) == "unavailable"
        return
    assert session is not None
    told = json.dumps(session, ensure_ascii=False)
    assert not [sign for sign in "\x00\r\n\ud800\udfff" if sign in told]
    assert all(isinstance(value, str | None) for value in session["user"].values())
    assert session["user"]["email"] is None or session["user"]["email"].count("@") == 1
    assert len(session["user"]["name"] or "") <= 200
    assert session["user"]["image"] is None or session["user"]["image"].startswith("https://pictures.example/")
    page = visitor.get("/dashboard")
    assert page.status_code == 200
    assert "<img src=x" not in page.get_data(as_text=True)


def test_an_address_counts_as_verified_only_where_the_same_answer_says_so(visitor: ProviderClient) -> None:
    """The ID token vouches for one address, userinfo tells another: data of two answers is never mixed (F10)."""
    op = visitor.op
    another = {"sub": "visitor-1", "name": "Vera Visitor", "email": "another@example.org"}
    op.before["/userinfo"] = lambda: op._access.update(dict.fromkeys(op._access, another))
    visitor.sign_in_as()

    (user,) = visitor.options.adapter.list_users()
    assert (user.email, user.email_verified) == ("another@example.org", None)


def test_the_words_of_both_answers_make_one_person(visitor: ProviderClient) -> None:
    visitor.op.claims_in = "id_token"
    visitor.sign_in_as()

    (user,) = visitor.options.adapter.list_users()
    assert (user.name, user.email, bool(user.email_verified)) == ("Vera Visitor", "visitor@example.org", True)


def test_a_provider_s_own_voucher_counts_for_the_address_beside_it_only(visitor: ProviderClient) -> None:
    """Entra's `xms_edov` in the ID token says nothing of the address that userinfo tells (F10)."""
    provider = visitor.options.providers["oidc"]
    own = replace(
        provider,
        vouchers=microsoft_entra_id.email_verified_claims,
        profile=microsoft_entra_id.profile,
        asks_userinfo=True,
    )
    object.__setattr__(visitor.options, "providers", {**visitor.options.providers, "oidc": own})
    op = visitor.op
    op.claims = {**op.claims, "xms_edov": True}
    another = {"sub": "visitor-1", "name": "Vera Visitor", "email": "another@example.org"}
    op.before["/userinfo"] = lambda: op._access.update(dict.fromkeys(op._access, another))
    visitor.sign_in_as()

    (user,) = visitor.options.adapter.list_users()
    assert (user.email, user.email_verified) == ("another@example.org", None)
