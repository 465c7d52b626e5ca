"""A provider that fails: our own page in our own words, nobody loses a session, and the next try works (F1-F7, F10, F32)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from genkan.oauth.discovery import STALE_SECONDS
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, failure_reason, provider_env, query
from tests.servers.faulty import faults
from tests.servers.faulty.faults import SCRIPT, Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.sockets import respond_with, serving
from tests.tokens.certificates import self_signed, server_context

SLOW = {"hang", "drip", "drip-headers"}
"""They have a file of their own."""

LINE = [name for name in faults.TRANSPORT if name not in SLOW]

UNAVAILABLE = {
    "500", "503", "reset", "cut-off", "huge", "bomb", "redirect", "redirect-307", "html-error",
}  # fmt: skip
"""Faults of the line and of the server: later may be better. All others are answers that can't be believed."""


def expected(fault: str) -> str:
    return "unavailable" if fault in UNAVAILABLE else "refused"


def without(names: tuple[str, ...], *harmless: str) -> list[str]:
    assert set(harmless) <= set(names)
    return [name for name in names if name not in harmless]


def recovers(visitor: ProviderClient) -> bool:
    """The very next try succeeds, without a restart and as somebody else than before."""
    visitor.op.faults = Faults()
    visitor.sign_in_as("/about")
    return visitor.name() == "Vera Visitor" and visitor.flow_cookies() == []


@pytest.mark.parametrize("fault", [*LINE, *without(faults.DISCOVERY, "no-iss-promise", "alg-none")])
def test_metadata_that_cannot_be_had_or_believed_ends_before_the_provider(resident: ProviderClient, fault: Any) -> None:
    resident.clock.advance(STALE_SECONDS + 1)
    resident.op.faults.discovery = fault

    assert failure_reason(resident.begin_sign_in(provider="oidc"), resident) == expected(fault)
    assert (resident.name(), resident.flow_cookies()) == ("Rei Resident", [])
    assert recovers(resident)


@pytest.mark.parametrize("fault", [*LINE, *without(faults.KEYS, "unparseable-key")])
def test_without_keys_nobody_is_signed_in(resident: ProviderClient, fault: Any) -> None:
    resident.clock.advance(STALE_SECONDS + 1)
    resident.op.faults.jwks = fault

    assert failure_reason(resident.sign_in_as(), resident) == expected(fault)
    assert (resident.name(), resident.flow_cookies()) == ("Rei Resident", [])
    assert recovers(resident)


@pytest.mark.parametrize("fault", [*LINE, *without(faults.TOKEN, "string-expires-in")])
def test_a_token_endpoint_that_fails_is_asked_once(
    resident: ProviderClient, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    resident.op.faults.token = fault
    asked = resident.op.count("/token")
    back = resident.callback_url()

    assert failure_reason(resident.get(back), resident) == expected(fault)
    assert resident.op.count("/token") == asked + 1
    assert resident.op.count("/elsewhere/token") == 0
    assert (resident.name(), resident.flow_cookies()) == ("Rei Resident", [])
    told = caplog.text + "".join(str(record.__dict__) for record in caplog.records if record.name.startswith("genkan"))
    assert not any(secret in told for secret in (SCRIPT, query(back)["code"], query(back)["state"]))
    assert recovers(resident)


def test_an_expiry_in_a_string_is_no_fault(visitor: ProviderClient) -> None:
    visitor.op.faults.token = "string-expires-in"
    visitor.sign_in_as()

    assert visitor.name() == "Vera Visitor"


@pytest.mark.parametrize("fault", [*LINE, *faults.USER_INFO])
def test_without_a_profile_nobody_is_signed_in(resident: ProviderClient, fault: Any) -> None:
    """The provider `oidc` asks userinfo always; half a profile would be worse than none (F10)."""
    resident.op.faults.userinfo = fault

    assert failure_reason(resident.sign_in_as(), resident) == expected(fault)
    assert (resident.name(), resident.flow_cookies()) == ("Rei Resident", [])
    assert recovers(resident)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("wrong-iss", "refused"),
        ("missing-iss", "refused"),
        ("missing-code", None),
        ("access-denied", "declined"),
        ("server-error", "unavailable"),
        ("script-error", "refused"),
    ],
)
def test_an_answer_that_is_none_is_never_exchanged(
    resident: ProviderClient, fault: Any, reason: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    resident.op.faults.callback = fault
    asked = resident.op.count("/token")

    assert failure_reason(resident.sign_in_as(), resident) == reason
    assert resident.op.count("/token") == asked
    assert (resident.name(), resident.flow_cookies()) == ("Rei Resident", [])
    assert SCRIPT not in caplog.text
    assert recovers(resident)


def test_an_answer_with_two_codes_signs_nobody_in(resident: ProviderClient) -> None:
    resident.op.faults.callback = "two-codes"

    assert failure_reason(resident.sign_in_as(), resident) == "refused"
    assert resident.name() == "Rei Resident"
    assert recovers(resident)


@pytest.mark.parametrize("fault", ["wrong-state", "missing-state"])
def test_an_answer_to_no_question_of_ours_is_never_exchanged(visitor: ProviderClient, fault: Any) -> None:
    visitor.op.faults.callback = fault

    assert failure_reason(visitor.sign_in_as(), visitor) == "expired"
    assert visitor.op.codes == []
    assert visitor.session() is None


def test_the_page_of_a_refusal_says_that_it_was_cancelled(visitor: ProviderClient) -> None:
    visitor.op.faults.callback = "access-denied"
    page = visitor.get(visitor.sign_in_as().headers["Location"])

    assert page.status_code == 400
    assert "The sign-in was cancelled" in page.get_data(as_text=True)


def test_a_provider_that_promises_no_issuer_may_leave_it_out_but_not_lie(visitor: ProviderClient) -> None:
    visitor.op.faults = Faults(discovery="no-iss-promise", callback="wrong-iss")
    assert failure_reason(visitor.sign_in_as(), visitor) == "refused"
    visitor.op.faults.callback = "missing-iss"
    visitor.sign_in_as()

    assert visitor.name() == "Vera Visitor"


def test_the_house_opens_while_its_provider_is_down(make_app: MakeApp, op: FaultyProvider) -> None:
    with op.down():
        visitor = ProviderClient(make_app(**provider_env(op)), op)
        assert [visitor.get(path).status_code for path in ("/", "/about", "/api/auth/signin")] == [200, 200, 200]
        assert failure_reason(visitor.begin_sign_in(provider="oidc"), visitor) == "unavailable"

    assert recovers(visitor)


def test_a_provider_that_goes_down_while_somebody_is_there_costs_one_try(resident: ProviderClient) -> None:
    back = resident.callback_url()
    with resident.op.down():
        assert failure_reason(resident.get(back), resident) == "unavailable"

    assert resident.name() == "Rei Resident"
    assert recovers(resident)


@pytest.mark.parametrize("expired", [False, True])
def test_a_certificate_that_is_not_to_be_trusted_is_not(make_app: MakeApp, tmp_path: Path, expired: bool) -> None:
    bundle = tmp_path / "certificate.pem"
    bundle.write_bytes(b"".join(self_signed(expired=expired)))
    wrap: Callable[..., Any] = lambda plain: server_context(str(bundle)).wrap_socket(plain, server_side=True)  # noqa: E731
    with serving(respond_with(b"{}"), wrap) as host:
        assert start_at(make_app, host.url.replace("http:", "https:")) == "unavailable"


def test_a_provider_whose_name_nobody_knows_is_not_answering(make_app: MakeApp) -> None:
    assert start_at(make_app, "https://provider.invalid") == "unavailable"


def start_at(make_app: MakeApp, issuer: str) -> str | None:
    app: Flask = make_app(AUTH_OIDC_ID="house", AUTH_OIDC_SECRET="made-up-secret", AUTH_OIDC_ISSUER=issuer)
    visitor = ProviderClient(app, FaultyProvider())
    return failure_reason(visitor.begin_sign_in(provider="oidc"), visitor)
