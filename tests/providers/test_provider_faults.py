"""Faults of the provider during a sign-in: the error page, the unchanged old session, and the recovery afterwards."""

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
"""These faults are in `test_slow_providers.py`."""

TRANSPORT = [name for name in faults.TRANSPORT if name not in SLOW]

UNAVAILABLE = {
    "500", "503", "reset", "cut-off", "huge", "bomb", "redirect", "redirect-307", "html-error", "429",
}  # fmt: skip
"""Temporary faults of the connection or the server. All other faults make the response invalid."""


def expected(fault: str) -> str:
    return "unavailable" if fault in UNAVAILABLE else "refused"


def without(names: tuple[str, ...], *harmless: str) -> list[str]:
    assert set(harmless) <= set(names)
    return [name for name in names if name not in harmless]


def recovers(client: ProviderClient) -> bool:
    """Return True if the next sign-in, as a different user, succeeds without a restart."""
    client.op.faults = Faults()
    client.sign_in_as("/about")
    return client.name() == "Vera Visitor" and client.flow_cookies() == []


@pytest.mark.parametrize("fault", [*TRANSPORT, *without(faults.DISCOVERY, "no-iss-promise", "alg-none")])
def test_unavailable_or_invalid_metadata_fails_before_the_redirect(other_user: ProviderClient, fault: Any) -> None:
    other_user.clock.advance(STALE_SECONDS + 1)
    other_user.op.faults.discovery = fault

    assert failure_reason(other_user.begin_sign_in(provider="oidc"), other_user) == expected(fault)
    assert (other_user.name(), other_user.flow_cookies()) == ("Rei Resident", [])
    assert recovers(other_user)


@pytest.mark.parametrize("fault", [*TRANSPORT, *without(faults.KEYS, "unparseable-key")])
def test_a_sign_in_without_keys_fails(other_user: ProviderClient, fault: Any) -> None:
    other_user.clock.advance(STALE_SECONDS + 1)
    other_user.op.faults.jwks = fault

    assert failure_reason(other_user.sign_in_as(), other_user) == expected(fault)
    assert (other_user.name(), other_user.flow_cookies()) == ("Rei Resident", [])
    assert recovers(other_user)


@pytest.mark.parametrize("fault", [*TRANSPORT, *without(faults.TOKEN, *faults.HARMLESS_TOKENS)])
def test_a_failing_token_endpoint_is_asked_once(
    other_user: ProviderClient, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    other_user.op.faults.token = fault
    requests = other_user.op.count("/token")
    callback_url = other_user.callback_url()

    assert failure_reason(other_user.get(callback_url), other_user) == expected(fault)
    assert other_user.op.count("/token") == requests + 1
    assert other_user.op.count("/elsewhere/token") == 0
    assert (other_user.name(), other_user.flow_cookies()) == ("Rei Resident", [])
    logged = caplog.text + "".join(
        str(record.__dict__) for record in caplog.records if record.name.startswith("genkan")
    )
    assert not any(secret in logged for secret in (SCRIPT, query(callback_url)["code"], query(callback_url)["state"]))
    assert recovers(other_user)


@pytest.mark.parametrize("fault", [*TRANSPORT, *without(faults.USER_INFO, *faults.HARMLESS_USER_INFO)])
def test_a_sign_in_without_userinfo_fails(other_user: ProviderClient, fault: Any) -> None:
    """The provider `oidc` always requests userinfo, and never uses an incomplete profile."""
    other_user.op.faults.userinfo = fault

    assert failure_reason(other_user.sign_in_as(), other_user) == expected(fault)
    assert (other_user.name(), other_user.flow_cookies()) == ("Rei Resident", [])
    assert recovers(other_user)


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
def test_an_invalid_callback_is_never_exchanged(
    other_user: ProviderClient, fault: Any, reason: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    other_user.op.faults.callback = fault
    requests = other_user.op.count("/token")

    assert failure_reason(other_user.sign_in_as(), other_user) == reason
    assert other_user.op.count("/token") == requests
    assert (other_user.name(), other_user.flow_cookies()) == ("Rei Resident", [])
    assert SCRIPT not in caplog.text
    assert recovers(other_user)


def test_a_callback_with_two_codes_is_refused(other_user: ProviderClient) -> None:
    other_user.op.faults.callback = "two-codes"

    assert failure_reason(other_user.sign_in_as(), other_user) == "refused"
    assert other_user.name() == "Rei Resident"
    assert recovers(other_user)


@pytest.mark.parametrize("fault", ["wrong-state", "missing-state"])
def test_a_callback_without_a_known_state_is_never_exchanged(client: ProviderClient, fault: Any) -> None:
    client.op.faults.callback = fault

    assert failure_reason(client.sign_in_as(), client) == "expired"
    assert client.op.codes == []
    assert client.session() is None


def test_the_page_after_a_declined_sign_in_says_that_it_was_cancelled(client: ProviderClient) -> None:
    client.op.faults.callback = "access-denied"
    page = client.get(client.sign_in_as().headers["Location"])

    assert page.status_code == 400
    assert "The sign-in was cancelled" in page.get_data(as_text=True)


def test_iss_may_be_missing_but_not_wrong_when_the_metadata_does_not_announce_it(client: ProviderClient) -> None:
    client.op.faults = Faults(discovery="no-iss-promise", callback="wrong-iss")
    assert failure_reason(client.sign_in_as(), client) == "refused"
    client.op.faults.callback = "missing-iss"
    client.sign_in_as()

    assert client.name() == "Vera Visitor"


def test_the_application_starts_while_its_provider_is_down(make_app: MakeApp, op: FaultyProvider) -> None:
    with op.down():
        client = ProviderClient(make_app(**provider_env(op)), op)
        assert [client.get(path).status_code for path in ("/", "/about", "/api/auth/signin")] == [200, 200, 200]
        assert failure_reason(client.begin_sign_in(provider="oidc"), client) == "unavailable"

    assert recovers(client)


def test_a_provider_that_goes_down_during_a_sign_in_only_fails_that_sign_in(other_user: ProviderClient) -> None:
    callback_url = other_user.callback_url()
    with other_user.op.down():
        assert failure_reason(other_user.get(callback_url), other_user) == "unavailable"

    assert other_user.name() == "Rei Resident"
    assert recovers(other_user)


@pytest.mark.parametrize("expired", [False, True])
def test_an_untrusted_certificate_is_refused(make_app: MakeApp, tmp_path: Path, expired: bool) -> None:
    bundle = tmp_path / "certificate.pem"
    bundle.write_bytes(b"".join(self_signed(expired=expired)))
    wrap: Callable[..., Any] = lambda plain: server_context(str(bundle)).wrap_socket(plain, server_side=True)  # noqa: E731
    with serving(respond_with(b"{}"), wrap) as host:
        assert start_sign_in_at(make_app, host.url.replace("http:", "https:")) == "unavailable"


def test_a_provider_with_an_unknown_host_is_unavailable(make_app: MakeApp) -> None:
    assert start_sign_in_at(make_app, "https://provider.invalid") == "unavailable"


def start_sign_in_at(make_app: MakeApp, issuer: str) -> str | None:
    app: Flask = make_app(AUTH_OIDC_ID="client-id", AUTH_OIDC_SECRET="made-up-secret", AUTH_OIDC_ISSUER=issuer)
    client = ProviderClient(app, FaultyProvider())
    return failure_reason(client.begin_sign_in(provider="oidc"), client)
