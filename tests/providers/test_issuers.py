"""Issuer URLs: the configured issuer must equal the issuer of the discovery document."""

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
    return [vars(record)["detail"] for record in caplog.records if vars(record).get("event") == "sign-in-failed"]


def test_an_unusual_issuer_confirmed_by_discovery_works_with_a_warning(
    make_app: MakeApp, op: FaultyProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "genkan"):
        client = ProviderClient(make_app(**provider_env(op, "KEYCLOAK")), op)
    (warning,) = caplog.messages
    assert warning.startswith(
        "AUTH_KEYCLOAK_ISSUER does not have the usual form for Keycloak: https://HOST/realms/REALM"
    )

    client.get(op.authorize(client.begin_sign_in(provider="keycloak").headers["Location"]))
    assert client.name() == "Vera Visitor"


def test_a_missing_slash_is_reported_with_the_fix(
    make_app: MakeApp, op: FaultyProvider, caplog: pytest.LogCaptureFixture
) -> None:
    op.faults.discovery = "slashed-issuer"
    client = ProviderClient(make_app(**provider_env(op)), op)

    assert failure_reason(client.begin_sign_in(provider="oidc"), client) == "refused"
    assert reasons(caplog) == [
        "the discovery document's issuer ends with a slash: add it to the end of AUTH_OIDC_ISSUER"
    ]


def test_a_superfluous_slash_is_reported_with_the_fix(
    make_app: MakeApp, op: FaultyProvider, caplog: pytest.LogCaptureFixture
) -> None:
    slashed = {**provider_env(op, "OKTA"), "AUTH_OKTA_ISSUER": f"{op.issuer}/"}
    client = ProviderClient(make_app(**slashed), op)

    assert failure_reason(client.begin_sign_in(provider="okta"), client) == "refused"
    assert reasons(caplog) == [
        "the discovery document's issuer has no slash at its end: remove it from AUTH_OKTA_ISSUER"
    ]

    op.faults.discovery = "slashed-issuer"
    assert client.begin_sign_in(provider="okta").headers["Location"].startswith(f"{op.issuer}/authorize?")


@pytest.mark.parametrize("fault", ["wrong-issuer", "no-issuer"])
def test_any_other_issuer_is_refused_without_a_suggestion(
    make_app: MakeApp, op: FaultyProvider, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    op.faults.discovery = fault  # type: ignore[assignment]
    client = ProviderClient(make_app(**provider_env(op)), op)

    assert failure_reason(client.begin_sign_in(provider="oidc"), client) == "refused"
    assert reasons(caplog) == ["the discovery document is of another issuer"]
