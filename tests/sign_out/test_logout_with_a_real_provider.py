"""RP-initiated and back-channel logout with the certified oidc-provider from npm and several workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from genkan.session.revocation_list import MAX_LAG
from tests.servers.node import oidc_provider
from tests.servers.node.nodejs import needing_node
from tests.servers.node.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from tests.servers.process import free_port
from tests.servers.provider_browser import ProviderBrowser
from tests.servers.server import SERVE, Server, ServerClient, environment, serving

pytestmark = pytest.mark.xdist_group("timing")

WORKERS = 3
REQUESTS = 12
"""Requests, each on its own connection, so that every worker receives some."""


@pytest.fixture(name="port", scope="module")
def _port() -> int:
    return free_port()


@pytest.fixture(name="server", scope="module")
def _server(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {
        **environment(tmp_path_factory.mktemp("app")),
        "WEB_CONCURRENCY": str(WORKERS),
        "AUTH_OIDC_ID": CLIENT_ID,
        "AUTH_OIDC_SECRET": CLIENT_SECRET,
        "AUTH_OIDC_ISSUER": f"http://127.0.0.1:{port}",
        "AUTH_OIDC_SIGN_OUT": "provider",
    }
    with serving(SERVE, settings) as server:
        yield server


@pytest.fixture(name="op", scope="module")
def _op(port: int, server: Server) -> Iterator[OidcProvider]:
    actions = f"{server.origin}/api/auth"
    with (
        needing_node(),
        oidc_provider.running(
            [f"{actions}/callback/oidc"],
            post_logout_redirect_uris=[f"{actions}/signout/return"],
            backchannel_logout_uri=f"{actions}/backchannel-logout/oidc",
            port=port,
        ) as op,
    ):
        yield op


def sign_in(client: ServerClient, provider_browser: ProviderBrowser) -> None:
    client.ask("GET", provider_browser.follow(client.start(), client.origin))


def sign_out(client: ServerClient, callback_url: str) -> str:
    token = client.ask("GET", "/api/auth/csrf").json()["csrfToken"]
    fields = {"csrfToken": token, "callbackUrl": callback_url}
    return client.ask("POST", "/api/auth/signout", data=fields).headers["Location"]


def names(client: ServerClient) -> set[str | None]:
    """Return the user names that the workers see."""
    return {client.name() for _ in range(REQUESTS)}


def test_signing_out_at_the_provider_revokes_that_browser_s_session(server: Server, op: OidcProvider) -> None:
    """On every worker within a second.

    The same user's session in another browser lasts until it is signed out there, too.
    """
    provider_browsers = [ProviderBrowser(op, "ada"), ProviderBrowser(op, "ada")]
    clients = [ServerClient(server.origin), ServerClient(server.origin)]
    for client, provider_browser in zip(clients, provider_browsers, strict=True):
        sign_in(client, provider_browser)
    assert [names(client) for client in clients] == [{"ada"}, {"ada"}]

    provider_browsers[0].sign_out()
    time.sleep(MAX_LAG)
    assert [names(client) for client in clients] == [{None}, {"ada"}]
    provider_browsers[1].sign_out()
    time.sleep(MAX_LAG)
    assert [names(client) for client in clients] == [{None}, {None}]


def test_signing_out_ends_the_provider_s_session_too(server: Server, op: OidcProvider) -> None:
    """The provider asks for the account again at the next sign-in. Before, its own session was enough."""
    provider_browser, client = ProviderBrowser(op, "grace"), ServerClient(server.origin)
    for _ in range(2):
        sign_in(client, provider_browser)
    assert (client.name(), provider_browser.sign_in_forms) == ("grace", 1)

    location = sign_out(client, "/about")
    assert client.name() is None
    return_url = provider_browser.follow(location, client.origin)
    assert urlsplit(return_url).path == "/api/auth/signout/return"
    assert parse_qs(urlsplit(return_url).query)["state"] == parse_qs(urlsplit(location).query)["state"]
    assert client.ask("GET", return_url).headers["Location"] == f"{client.origin}/about"
    sign_in(client, provider_browser)
    assert (client.name(), provider_browser.sign_in_forms) == ("grace", 2)
