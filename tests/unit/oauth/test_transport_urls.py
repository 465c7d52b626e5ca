"""URLs that requests may be sent to: https and loopback."""

from __future__ import annotations

import pytest
import requests

from genkan.oauth.transport.adapters import mount_adapters
from genkan.oauth.transport.limits import URLNotAllowed, is_allowed_url
from tests.servers.sockets import respond_with, serving


@pytest.mark.parametrize(
    "prefix", ["http://192.0.2.1/", "http://localhost.example/", "http://a@127.0.0.1/", "ftp://127.0.0.1/"]
)
def test_a_request_to_another_url_is_refused(prefix: str) -> None:
    with requests.Session() as session:
        mount_adapters(session)
        with pytest.raises((URLNotAllowed, requests.exceptions.InvalidSchema)):
            session.post(prefix, data={"client_secret": "s"})


@pytest.mark.parametrize(
    "url",
    [
        "https://accounts.example",
        "https://accounts.example:8443/realms/one",
        "https://192.0.2.1/",
        "http://127.0.0.1:5000/development",
        "http://127.8.9.10",
        "http://localhost:8080",
        "http://[::1]:8080/",
    ],
)
def test_https_and_loopback_are_allowed(url: str) -> None:
    assert is_allowed_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https:///path",
        "//accounts.example",
        "http://accounts.example",
        "http://127.0.0.1.example",
        "http://127.0.0.1@accounts.example",
        "http://user:password@127.0.0.1",
        "http://127.0.0.1\\@accounts.example",
        "http://0.0.0.0",
        "http://[::ffff:127.0.0.1]",
        "http://0177.0.0.1",
        "http://localhost.",
        "http://192.168.0.1",
        "http://169.254.169.254/",
        "https://accounts.example:port",
        "https://accounts.example:99999",
        "https://[broken",
        " https://accounts.example",
        "https://accounts.example/\n",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://127.0.0.1",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    assert not is_allowed_url(url)


def test_proxies_and_netrc_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    with (
        serving(respond_with(b"{}")) as proxy,
        serving(respond_with(b"{}", "Set-Cookie: a=b; Path=/")) as host,
        requests.Session() as session,
    ):
        mount_adapters(session)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        session.get(host.url)
        session.get(host.url, proxies={"http": proxy.url})

        assert proxy.connections == []
        assert b"authorization" not in host.connections[0].request.lower()
        assert b"cookie" not in host.connections[1].request.lower()
        assert b"accept-encoding: identity" in host.connections[1].request.lower()
        assert len(session.cookies) == 0
