"""Sign-ins with invalid ID tokens, which are refused, and with unusual ones, which are accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from genkan.oauth.discovery import STALE_SECONDS
from genkan.providers.microsoft_entra_id import microsoft_entra_id
from tests.conftest import MakeApp
from tests.provider_client import COOKIE, ProviderClient, failure_reason, provider_env
from tests.servers.faulty import faults
from tests.servers.faulty.faults import HARMLESS_ID_TOKENS, Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.signing import key

WRONG = [name for name in faults.ID_TOKEN if name not in HARMLESS_ID_TOKENS]


@pytest.fixture(autouse=True)
def _reset_provider(module_client: ProviderClient) -> Iterator[None]:
    yield
    op = module_client.op
    op.faults, op.skew, op.claims_in, op.before = Faults(), 0.0, "both", {}


@pytest.mark.parametrize("fault", WRONG)
def test_an_invalid_id_token_is_refused_and_causes_no_further_request(other_user: ProviderClient, fault: Any) -> None:
    """Neither userinfo nor a key URL named by the token is requested (OpenID conformance suite)."""
    other_user.op.faults.id_token = fault
    requests = other_user.op.count("/userinfo")

    assert failure_reason(other_user.sign_in_as(), other_user) == "refused"
    assert (other_user.name(), other_user.flow_cookies()) == ("Rei Resident", [])
    assert other_user.op.count("/userinfo") == requests
    assert other_user.op.count("/elsewhere/attacker") == 0
    other_user.op.faults = Faults()
    other_user.sign_in_as()
    assert other_user.name() == "Vera Visitor"


@pytest.mark.parametrize("fault", HARMLESS_ID_TOKENS)
def test_an_unusual_but_valid_id_token_is_accepted(other_user: ProviderClient, fault: Any) -> None:
    other_user.op.faults.id_token = fault
    other_user.sign_in_as()

    assert other_user.name() == "Vera Visitor"


@pytest.mark.parametrize(
    ("skew", "accepted"), [(60, True), (61, False), (-3600 - 59, True), (-3600 - 60, False), (-60, True)]
)
def test_a_provider_s_clock_may_differ_by_a_minute(
    other_user: ProviderClient, skew: float, accepted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Tokens are valid for an hour. The log mentions the clock skew."""
    other_user.op.skew = skew
    response = other_user.sign_in_as()

    if accepted:
        assert other_user.name() == "Vera Visitor"
    else:
        assert failure_reason(response, other_user) == "refused"
        assert any("clock skew" in str(record.__dict__.get("detail")) for record in caplog.records)


@pytest.mark.parametrize("fault", [None, "tampered", "hs256-public-key", "alg-none"])
def test_es256_has_the_same_checks(make_app: MakeApp, clock: Any, fault: Any) -> None:
    with FaultyProvider(algorithm="ES256", clock=clock) as op:
        client = ProviderClient(make_app(**provider_env(op)), op)
        op.faults.id_token = fault
        response = client.sign_in_as()

        assert client.name() == (None if fault else "Vera Visitor")
        assert fault is None or failure_reason(response, client) == "refused"


@pytest.mark.parametrize("bits", [1024, 2047])
def test_a_key_below_2048_bits_is_refused_although_the_signature_is_valid(
    other_user: ProviderClient, bits: int
) -> None:
    """Shorter RSA keys can be broken (RFC 7518 section 3.3, RFC 8725 section 3.5)."""
    op = other_user.op
    long, short = op.signer, key("short", bits=bits)
    op.signer, op.published = short, [long, short]
    try:
        other_user.clock.advance(STALE_SECONDS)
        assert failure_reason(other_user.sign_in_as(), other_user) == "refused"
        assert other_user.name() == "Rei Resident"
    finally:
        op.signer, op.published = long, [long]
    other_user.sign_in_as()
    assert other_user.name() == "Vera Visitor"


def test_metadata_narrows_the_accepted_algorithms(client: ProviderClient) -> None:
    """A token signed with ES256 is refused if the metadata lists only RS256, even with a published key."""
    client.op.signer = key("another", "ES256")
    client.op.published.append(client.op.signer)

    assert failure_reason(client.sign_in_as(), client) == "refused"


@pytest.mark.parametrize("fault", ["alg-none", "hs256-public-key", None])
def test_metadata_never_widens_the_accepted_algorithms(client: ProviderClient, fault: Any) -> None:
    """The metadata lists only `none` and HS256, so no accepted algorithm is left."""
    client.op.faults = Faults(discovery="alg-none", id_token=fault)

    assert failure_reason(client.sign_in_as(), client) == "refused"


@pytest.mark.parametrize("claims_in", ["both", "userinfo"])
@pytest.mark.parametrize("fault", faults.MALFORMED_CLAIMS)
def test_unusual_claims_are_normalized_or_left_out(module_client: ProviderClient, fault: str, claims_in: Any) -> None:
    client = ProviderClient(module_client.app, module_client.op)
    client.op.faults.claims, client.op.claims_in = fault, claims_in
    response = client.sign_in_as(sub=f"{fault} in {claims_in}", email=f"{fault}.{claims_in}@example.org")

    assert response.status_code == 302
    session = client.session()
    # An ID token of that size exceeds the response limit. Userinfo is just below it, and the name is cut.
    if (fault, claims_in) == ("name-megabyte", "both"):
        assert failure_reason(response, client) == "unavailable"
        return
    assert session is not None
    text = json.dumps(session, ensure_ascii=False)
    assert not [character for character in "\x00\r\n\ud800\udfff" if character in text]
    assert all(isinstance(value, str | None) for value in session["user"].values())
    assert session["user"]["email"] is None or session["user"]["email"].count("@") == 1
    assert len(session["user"]["name"] or "") <= 200
    assert session["user"]["image"] is None or session["user"]["image"].startswith("https://pictures.example/")
    page = client.get("/dashboard")
    assert page.status_code == 200
    assert "<img src=x" not in page.get_data(as_text=True)


def unverified_email(client: ProviderClient) -> object:
    """Return the claim `unverified_email` of the client's session."""
    return client.core.sessions.sealer.open(str(client.cookie(COOKIE)))["unverified_email"]


def test_an_email_is_verified_only_by_the_response_that_contains_it(client: ProviderClient) -> None:
    """The ID token verifies one email and userinfo has another. The two responses are never mixed."""
    op = client.op
    claims = {"sub": "visitor-1", "name": "Vera Visitor", "email": "another@example.org"}
    op.before["/userinfo"] = lambda: op._access.update(dict.fromkeys(op._access, claims))
    client.sign_in_as()

    (user,) = client.core.adapter.list_users()
    assert (user.email, user.email_verified) == (None, None)
    assert unverified_email(client) == "another@example.org"


def test_the_profile_is_completed_from_both_responses(client: ProviderClient) -> None:
    client.op.claims_in = "id_token"
    client.sign_in_as()

    (user,) = client.core.adapter.list_users()
    assert (user.name, user.email, bool(user.email_verified)) == ("Vera Visitor", "visitor@example.org", True)


def test_a_provider_specific_verification_counts_only_for_the_email_of_the_same_response(
    client: ProviderClient,
) -> None:
    """Entra's `xms_edov` in the ID token does not verify the email from userinfo."""
    provider = client.core.providers["oidc"]
    changed = replace(
        provider,
        email_verified_claims=microsoft_entra_id.email_verified_claims,
        profile=microsoft_entra_id.profile,
        fetch_userinfo=True,
    )
    object.__setattr__(client.core, "providers", {**client.core.providers, "oidc": changed})
    op = client.op
    op.claims = {**op.claims, "xms_edov": True}
    claims = {"sub": "visitor-1", "name": "Vera Visitor", "email": "another@example.org"}
    op.before["/userinfo"] = lambda: op._access.update(dict.fromkeys(op._access, claims))
    client.sign_in_as()

    (user,) = client.core.adapter.list_users()
    assert (user.email, user.email_verified) == (None, None)
    assert unverified_email(client) == "another@example.org"
