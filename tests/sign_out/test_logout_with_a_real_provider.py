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
from tests.servers.server import Server, ServerClient, environment, serving

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


def enter(visitor: ServerClient, person: ProviderBrowser) -> None:
    visitor.ask("GET", person.follow(visitor.start(), visitor.origin))


def leave(visitor: ServerClient, callback_url: str) -> str:
    token = visitor.ask("GET", "/api/auth/csrf").json()["csrfToken"]
    fields = {"csrfToken": token, "callbackUrl": callback_url}
    return visitor.ask("POST", "/api/auth/signout", data=fields).headers["Location"]


def names(visitor: ServerClient) -> set[str | None]:
    """Whom the workers take them for."""
    return {visitor.name() for _ in range(ASKED)}


def test_signing_out_at_the_provider_ends_that_browser_s_session_here(server: Server, op: OidcProvider) -> None:
    """On every worker within a second; the same person's session in another browser goes on until they end that too."""
    people = [ProviderBrowser(op, "ada"), ProviderBrowser(op, "ada")]
    visitors = [ServerClient(server.origin), ServerClient(server.origin)]
    for visitor, person in zip(visitors, people, strict=True):
        enter(visitor, person)
    assert [names(visitor) for visitor in visitors] == [{"ada"}, {"ada"}]

    people[0].sign_out()
    time.sleep(MAX_LAG)
    assert [names(visitor) for visitor in visitors] == [{None}, {"ada"}]
    people[1].sign_out()
    time.sleep(MAX_LAG)
    assert [names(visitor) for visitor in visitors] == [{None}, {None}]


def test_signing_out_here_ends_the_provider_s_session_too(server: Server, op: OidcProvider) -> None:
    """The next sign-in asks who they are; before, the provider knew."""
    person, visitor = ProviderBrowser(op, "grace"), ServerClient(server.origin)
    for _ in range(2):
        enter(visitor, person)
    assert (visitor.name(), person.sign_in_forms) == ("grace", 1)

    location = leave(visitor, "/about")
    assert visitor.name() is None
    back = person.follow(location, visitor.origin)
    assert urlsplit(back).path == "/api/auth/signout/return"
    assert parse_qs(urlsplit(back).query)["state"] == parse_qs(urlsplit(location).query)["state"]
    assert visitor.ask("GET", back).headers["Location"] == f"{visitor.origin}/about"
    enter(visitor, person)
    assert (visitor.name(), person.sign_in_forms) == ("grace", 2)
