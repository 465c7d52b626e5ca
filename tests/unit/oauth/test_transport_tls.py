"""Requests over TLS: verification of certificates, and the deadline."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
import requests

from genkan.oauth.transport.adapters import mount_adapters
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from genkan.oauth.transport.limits import ConnectionFailed, Limits
from tests.servers.sockets import Connection, respond_with, serving
from tests.tokens.certificates import self_signed, server_context

pytestmark = pytest.mark.xdist_group("timing")

Wrap = Callable[[socket.socket], socket.socket]
LIMITS = Limits(connect=2, deadline=2)


def write_certificate(path: Path, *, expired: bool = False) -> tuple[str, Wrap]:
    """Return the path of a CA bundle, and the function that wraps a socket of a host with this certificate."""
    certificate, key = self_signed(expired=expired)
    (path / "both.pem").write_bytes(certificate + key)
    (path / "trusted.pem").write_bytes(certificate)
    context = server_context(str(path / "both.pem"))
    return str(path / "trusted.pem"), lambda plain: context.wrap_socket(plain, server_side=True)


def call(url: str, verify: bool | str | None, limits: Limits = LIMITS) -> requests.Response:
    with requests.Session() as session:
        mount_adapters(session, limits=limits, concurrency=ConcurrencyLimit())
        return session.get(url, verify=verify)


def test_an_unknown_certificate_is_refused_whatever_verify_and_the_environment_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, wrap = write_certificate(tmp_path)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, trusted)
    with serving(respond_with(b"{}"), wrap) as host:
        url = host.url.replace("http:", "https:")
        for verify in (True, False, None):
            with pytest.raises(ConnectionFailed, match="SSLError"):
                call(url, verify)


def test_a_session_with_verification_disabled_still_verifies(tmp_path: Path) -> None:
    _, wrap = write_certificate(tmp_path)
    with serving(respond_with(b"{}"), wrap) as host, requests.Session() as session:
        mount_adapters(session, limits=LIMITS)
        session.verify = False
        with pytest.raises(ConnectionFailed, match="SSLError"):
            session.get(host.url.replace("http:", "https:"))


def test_a_certificate_of_the_given_bundle_is_accepted(tmp_path: Path) -> None:
    trusted, wrap = write_certificate(tmp_path)
    with serving(respond_with(b'{"a": 1}'), wrap) as host:
        assert call(host.url.replace("http:", "https:"), trusted).json() == {"a": 1}


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    trusted, wrap = write_certificate(tmp_path, expired=True)
    with serving(respond_with(b"{}"), wrap) as host, pytest.raises(ConnectionFailed, match="SSLError"):
        call(host.url.replace("http:", "https:"), trusted)


def drip(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    connection.drip(itertools.repeat(ord("a")))


def test_the_deadline_ends_a_slow_response_over_tls(tmp_path: Path) -> None:
    trusted, wrap = write_certificate(tmp_path)
    with serving(drip, wrap) as host:
        start = monotonic()
        with pytest.raises(ConnectionFailed):
            call(host.url.replace("http:", "https:"), trusted, Limits(connect=1, deadline=0.3))

    assert monotonic() - start < 20


def test_the_connect_limit_ends_a_handshake_that_hangs() -> None:
    with serving(Connection.hang) as host:
        start = monotonic()
        with pytest.raises(ConnectionFailed):
            call(host.url.replace("http:", "https:"), True, Limits(connect=0.3, deadline=60))

    assert monotonic() - start < 20
