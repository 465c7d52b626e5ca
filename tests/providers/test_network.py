"""Providers behind a certificate authority of a company, and behind a proxy that calls to other hosts must use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from genkan import Genkan
from genkan.errors import ConfigurationError
from genkan.settings.environment import from_environment
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, failure_reason, get_state, provider_env
from tests.servers.faulty.connect_proxy import ConnectProxy, connect_proxy
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.certificates import server_context, signed_by_private_authority

ENVIRONMENT = {"AUTH_SECRET": "tests-only-secret-that-protects-nothing-at-all", "GENKAN_ENV": "development"}


class TLSProvider(FaultyProvider):
    """Provider on https, at a host name that only the proxy knows, or at its IP address."""

    host = "127.0.0.1"

    @property
    def issuer(self) -> str:
        """Return the issuer, which is the origin."""
        return f"https://{self.host}:{self._server.port}"


@pytest.fixture(name="tls")
def _tls(clock: FrozenClock, tmp_path: Path) -> Iterator[tuple[TLSProvider, str]]:
    """Start a provider, and write the file of the authority that signed its certificate."""
    authority, certificate = signed_by_private_authority()
    (tmp_path / "authority.pem").write_bytes(authority)
    (tmp_path / "provider.pem").write_bytes(certificate)
    with TLSProvider(clock=clock) as op:
        http = op._server._http
        http.socket = server_context(str(tmp_path / "provider.pem")).wrap_socket(http.socket, server_side=True)
        yield op, str(tmp_path / "authority.pem")


@pytest.fixture(name="proxy")
def _proxy() -> Iterator[ConnectProxy]:
    with connect_proxy() as proxy:
        yield proxy


@pytest.fixture(name="sign_in")
def _sign_in(make_app: MakeApp, tls: tuple[TLSProvider, str]) -> Callable[..., str | None]:
    def sign_in(**settings: str) -> str | None:
        """Sign in at the provider and return the user's name, or the reason of the failure."""
        client = ProviderClient(make_app(**provider_env(tls[0]), **settings), tls[0])
        started = client.begin_sign_in(provider="oidc")
        if not started.headers["Location"].startswith(tls[0].issuer):
            return failure_reason(started, client)
        client.get(tls[0].authorize(started.headers["Location"]))
        return client.name()

    return sign_in


@pytest.mark.parametrize("variable", ["GENKAN_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_provider_with_a_certificate_of_a_private_authority(
    sign_in: Callable[..., str | None], tls: tuple[TLSProvider, str], variable: str
) -> None:
    assert sign_in(**{variable: tls[1]}) == "Vera Visitor"


def test_the_first_variable_counts(sign_in: Callable[..., str | None], tls: tuple[TLSProvider, str]) -> None:
    other = Path(tls[1]).with_name("other.pem")
    other.write_bytes(signed_by_private_authority()[0])

    assert sign_in() == "unavailable"
    assert sign_in(GENKAN_CA_BUNDLE=str(other), SSL_CERT_FILE=tls[1]) == "unavailable"


@pytest.mark.parametrize("user", ["", "genkan:p%40ss@"])
def test_a_provider_behind_a_proxy(
    sign_in: Callable[..., str | None], tls: tuple[TLSProvider, str], proxy: ConnectProxy, user: str
) -> None:
    tls[0].host = "provider.test"
    name = sign_in(GENKAN_CA_BUNDLE=tls[1], GENKAN_PROXY=f"http://{user}127.0.0.1:{proxy.port}")

    assert name == "Vera Visitor"
    assert {line.partition(" HTTP/")[0] for line in proxy.requests} == {f"CONNECT provider.test:{tls[0]._server.port}"}
    assert len(proxy.authorizations) == (len(proxy.requests) if user else 0)


def test_the_limits_of_a_call_hold_through_a_proxy(
    sign_in: Callable[..., str | None], tls: tuple[TLSProvider, str], proxy: ConnectProxy
) -> None:
    tls[0].host = "provider.test"
    settings = {"GENKAN_CA_BUNDLE": tls[1], "GENKAN_PROXY": f"http://127.0.0.1:{proxy.port}"}
    for fault in ("huge", "bomb", "redirect"):
        tls[0].faults.discovery = fault
        assert sign_in(**settings) == "unavailable"
    tls[0].faults.discovery = None
    assert sign_in(GENKAN_PROXY=settings["GENKAN_PROXY"]) == "unavailable"
    proxy.refuses = True
    assert sign_in(**settings) == "unavailable"


def test_loopback_addresses_are_reached_without_the_proxy(
    sign_in: Callable[..., str | None], tls: tuple[TLSProvider, str], proxy: ConnectProxy
) -> None:
    assert sign_in(GENKAN_CA_BUNDLE=tls[1], GENKAN_PROXY=f"http://127.0.0.1:{proxy.port}") == "Vera Visitor"
    assert proxy.requests == []


def test_a_proxy_of_the_environment_is_not_used(
    sign_in: Callable[..., str | None],
    tls: tuple[TLSProvider, str],
    proxy: ConnectProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A web server can set HTTP_PROXY from a header of the request (CVE-2016-5385)."""
    tls[0].host = "provider.test"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    assert sign_in(GENKAN_CA_BUNDLE=tls[1]) == "unavailable"
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("variable", "hosts", "is_direct"),
    [
        ("NO_PROXY", "provider.test", True),
        ("NO_PROXY", "shop.test, .test", True),
        ("no_proxy", "*", True),
        ("NO_PROXY", "shop.test,127.0.0.1", False),
    ],
)
def test_hosts_of_no_proxy_are_reached_without_the_proxy(
    sign_in: Callable[..., str | None],
    tls: tuple[TLSProvider, str],
    proxy: ConnectProxy,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    hosts: str,
    is_direct: bool,
) -> None:
    tls[0].host = "provider.test"
    monkeypatch.setenv(variable, hosts)
    name = sign_in(GENKAN_CA_BUNDLE=tls[1], GENKAN_PROXY=f"http://127.0.0.1:{proxy.port}")

    # Without the proxy no name server knows the provider.
    assert (name, not proxy.requests) == (("unavailable", True) if is_direct else ("Vera Visitor", False))


def test_an_application_that_adds_the_package_has_the_same_settings(
    tls: tuple[TLSProvider, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", tls[1])
    app = Flask("guest", instance_path=str(tmp_path))
    app.testing = True
    Genkan(app, GENKAN_PROXY="http://proxy.test:3128")
    configured = get_state(app).core.oauth.network

    assert (configured.ca_bundle, configured.proxy) == (tls[1], "http://proxy.test:3128")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GENKAN_CA_BUNDLE", "/nowhere/authority.pem"),
        ("SSL_CERT_FILE", __file__),
        ("GENKAN_PROXY", "proxy.test:3128"),
        ("GENKAN_PROXY", "socks5://proxy.test"),
        ("GENKAN_PROXY", "http://proxy.test/path"),
        ("GENKAN_PROXY", "http://a@b@proxy.test"),
        ("GENKAN_PROXY", "http://user:secret@pro xy"),
    ],
)
def test_an_invalid_setting_is_refused_without_its_value(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name}: ") as refusal:
        from_environment({**ENVIRONMENT, name: value})
    assert value not in str(refusal.value)


def test_the_settings_do_not_show_the_password_of_the_proxy() -> None:
    settings: Any = from_environment({**ENVIRONMENT, "GENKAN_PROXY": "http://user:secret@proxy.test:3128/"})

    assert settings.proxy == "http://user:secret@proxy.test:3128"
    assert "secret@" not in repr(settings)
