"""An issuer as the owner spells it, and as its discovery document does: discovery decides, to the letter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, failure_reason, provider_env
from tests.servers.faulty.provider import FaultyProvider


@pytest.fixture(name="op")
def _op(clock: FrozenClock) -> Iterator[FaultyProvider]:
    with FaultyProvider(clock=clock) as op:
        yield op


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(record)["why"] for record in caplog.records if vars(record).get("event") == "sign-in-failed"]


def test_an_unusual_issuer_that_discovery_confirms_signs_in_after_a_warning(
    make_app: MakeApp, op: FaultyProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "genkan"):
        visitor = ProviderClient(make_app(**provider_env(op, "KEYCLOAK")), op)
    (warning,) = caplog.messages
    assert warning.startswith(
        "AUTH_KEYCLOAK_ISSUER does not have the usual form for Keycloak: https://HOST/realms/REALM"
    )

    visitor.get(op.authorize(visitor.begin_sign_in(provider="keycloak").headers["Location"]))
    assert visitor.name() == "Vera Visitor"


def test_a_slash_too_few_is_named_with_the_remedy(
    make_app: MakeApp, op: FaultyProvider, caplog: pytest.LogCaptureFixture
) -> None:
    op.faults.discovery = "slashed-issuer"
    visitor = ProviderClient(make_app(**provider_env(op)), op)

    assert failure_reason(visitor.begin_sign_in(provider="oidc"), visitor) == "refused"
    assert reasons(caplog) == [
        "the discovery document's issuer ends with a slash: add it to the end of AUTH_OIDC_ISSUER"
    ]


def test_a_slash_too_many_is_named_with_the_remedy(
    make_app: MakeApp, op: FaultyProvider, caplog: pytest.LogCaptureFixture
) -> None:
    slashed = {**provider_env(op, "OKTA"), "AUTH_OKTA_ISSUER": f"{op.issuer}/"}
    visitor = ProviderClient(make_app(**slashed), op)

    assert failure_reason(visitor.begin_sign_in(provider="okta"), visitor) == "refused"
    assert reasons(caplog) == [
        "the discovery document's issuer has no slash at its end: remove it from AUTH_OKTA_ISSUER"
    ]

    op.faults.discovery = "slashed-issuer"
    assert visitor.begin_sign_in(provider="okta").headers["Location"].startswith(f"{op.issuer}/authorize?")


@pytest.mark.parametrize("fault", ["wrong-issuer", "no-issuer"])
def test_any_other_issuer_is_refused_without_a_guess(
    make_app: MakeApp, op: FaultyProvider, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    op.faults.discovery = fault  # type: ignore[assignment]
    visitor = ProviderClient(make_app(**provider_env(op)), op)

    assert failure_reason(visitor.begin_sign_in(provider="oidc"), visitor) == "refused"
    assert reasons(caplog) == ["the discovery document is of another issuer"]
