"""Optional data of a provider that is missing, malformed or in an unusual form does not prevent a sign-in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provider_client import ProviderClient
from tests.servers.faulty import faults
from tests.servers.faulty.faults import HARMLESS_TOKENS, HARMLESS_USER_INFO


def tokens_of(client: ProviderClient) -> dict[str, Any]:
    (user,) = client.core.adapter.list_users()
    (account,) = client.core.adapter.list_accounts(user.id)
    return dict(account.tokens)


@pytest.mark.parametrize("fault", HARMLESS_TOKENS)
def test_a_token_response_needs_neither_type_nor_a_valid_expiry(client: ProviderClient, fault: Any) -> None:
    client.op.faults.token = fault
    client.sign_in_as()

    assert client.name() == "Vera Visitor"
    expires = {"text-expires-in": None, "list-expires-in": None}.get(fault, int(client.clock()) + 3600)
    assert tokens_of(client).get("expires_at") == expires


@pytest.mark.parametrize("seconds", ["3600.5", " 3600 ", 3600.999])
def test_an_expiry_may_be_text_or_a_fraction(client: ProviderClient, seconds: Any) -> None:
    client.op.expires_in = seconds
    client.sign_in_as()

    assert tokens_of(client)["expires_at"] == int(client.clock()) + 3600


@pytest.mark.parametrize("seconds", [0, -1, "", "-3600", "1e9", "٣٦٠٠", True, 2**63, 1e300, None, {"seconds": 3600}])
def test_any_other_expiry_is_left_out(client: ProviderClient, seconds: Any) -> None:
    client.op.expires_in = seconds
    client.sign_in_as()

    assert client.name() == "Vera Visitor"
    assert tokens_of(client).get("expires_at") is None


@pytest.mark.parametrize("claims_in", ["both", "userinfo"])
@pytest.mark.parametrize("fault", HARMLESS_USER_INFO)
def test_userinfo_may_be_signed_or_begin_with_a_byte_order_mark(
    client: ProviderClient, fault: Any, claims_in: Any
) -> None:
    client.op.faults.userinfo, client.op.claims_in = fault, claims_in
    client.sign_in_as()

    (user,) = client.core.adapter.list_users()
    assert (user.name, user.email) == ("Vera Visitor", "visitor@example.org")


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("encrypted", "userinfo is encrypted: let the provider send it as JSON or as a signed JWT"),
        ("signed-for-another-client", "userinfo for another client"),
        ("html", "the profile is not JSON"),
        ("list", "userinfo is not an object"),
    ],
)
def test_the_log_says_what_is_wrong_with_userinfo(
    client: ProviderClient, fault: Any, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert fault in (*faults.USER_INFO, *faults.TRANSPORT)
    client.op.faults.userinfo = fault
    client.sign_in_as()

    assert client.session() is None
    assert [record.__dict__.get("detail") for record in caplog.records if "detail" in record.__dict__] == [detail]


@pytest.mark.parametrize("claims_in", ["both", "id_token", "userinfo"])
def test_a_subject_may_be_a_number_and_stays_the_same_user_as_text(client: ProviderClient, claims_in: Any) -> None:
    client.op.claims_in = claims_in
    client.sign_in_as(sub=9007199254740993)
    client.sign_in_as(sub="9007199254740993")

    (user,) = client.core.adapter.list_users()
    (account,) = client.core.adapter.list_accounts(user.id)
    assert account.provider_account_id == "9007199254740993"
