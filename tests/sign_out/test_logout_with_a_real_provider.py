"""Signing out at the certified provider from npm, and by it, with real workers: nobody's word but the protocol's."""

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
from tests.servers.server import Server, Visitor, environment, serving

WORKERS = 3
ASKED = 12
"""Requests, each on a connection of its own: no worker is left out."""


@pytest.fixture(name="port", scope="module")
def _port() -> int:
    return free_port()


@pytest.fixture(name="server", scope="module")
def _server(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {
        **environment(tmp_path_factory.mktemp("house")),
        "WEB_CONCURRENCY": str(WORKERS),
        "AUTH_OIDC_ID": CLIENT_ID,
        "AUTH_OIDC_SECRET": CLIENT_SECRET,
        "AUTH_OIDC_ISSUER": f"http://127.0.0.1:{port}",
        "AUTH_OIDC_SIGN_OUT": "provider",
    }
    with serving(["-m", "deploy.serve"], settings) as server:
        yield server


@pytest.fixture(name="op", scope="module")
def _op(port: int, server: Server) -> Iterator[OidcProvider]:
    doors = f"{server.origin}/api/auth"
    with (
        needing_node(),
        oidc_provider.running(
            [f"{doors}/callback/oidc"],
            post_logout_redirect_uris=[f"{doors}/signout/return"],
            backchannel_logout_uri=f"{doors}/backchannel-logout/oidc",
            port=port,
        ) as op,
    ):
        yield op


def enter(client: Visitor, person: ProviderBrowser) -> None:
    client.ask("GET", person.follow(client.start(), client.origin))


def leave(client: Visitor, callback_url: str) -> str:
    token = client.ask("GET", "/api/auth/csrf").json()["csrfToken"]
    fields = {"csrfToken": token, "callbackUrl": callback_url}
    return client.ask("POST", "/api/auth/signout", data=fields).headers["Location"]


def names(client: Visitor) -> set[str | None]:
    """Whom the workers take them for."""
    return {client.name() for _ in range(ASKED)}


def test_signing_out_at_the_provider_ends_that_browser_s_session_here(server: Server, op: OidcProvider) -> None:
    """On every worker within a second; the same person's session in another browser goes on until they end that too."""
    people = [ProviderBrowser(op, "ada"), ProviderBrowser(op, "ada")]
    clients = [Visitor(server.origin), Visitor(server.origin)]
    for client, person in zip(clients, people, strict=True):
        enter(client, person)
    assert [names(client) for client in clients] == [{"ada"}, {"ada"}]

    people[0].sign_out()
    time.sleep(MAX_LAG)
    assert [names(client) for client in clients] == [{None}, {"ada"}]
    people[1].sign_out()
    time.sleep(MAX_LAG)
    assert [names(client) for client in clients] == [{None}, {None}]


def test_signing_out_here_ends_the_provider_s_session_too(server: Server, op: OidcProvider) -> None:
    """The next sign-in asks who they are; before, the provider knew."""
    person, client = ProviderBrowser(op, "grace"), Visitor(server.origin)
    for _ in range(2):
        enter(client, person)
    assert (client.name(), person.asked) == ("grace", 1)

    location = leave(client, "/about")
    assert client.name() is None
    back = person.follow(location, client.origin)
    assert urlsplit(back).path == "/api/auth/signout/return"
    assert parse_qs(urlsplit(back).query)["state"] == parse_qs(urlsplit(location).query)["state"]
    assert client.ask("GET", back).headers["Location"] == f"{client.origin}/about"
    enter(client, person)
    assert (client.name(), person.asked) == ("grace", 2)
