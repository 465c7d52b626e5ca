"""A real caching proxy in front of the application gives no user a response of another."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import pytest
import requests
from flask import Flask

from app import create_app
from genkan.http.csrf import _unmask
from tests import provider_client
from tests.browser import HTMX
from tests.clock import FrozenClock
from tests.provider_client import COOKIE, provider_env, run_parallel
from tests.routes import routes
from tests.servers.caching_proxy import CachingProxy, is_cached
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import SERVE, ServerClient, environment, serving

TWO_DAYS = 2 * 86400.0
"""Seconds. A session that was last read this long ago is extended, with a new cookie, at its next request."""

CACHEABLE = {"dashboard.about", "static", "genkan.static"}
"""Endpoints that do not read the session and whose responses may be shared."""

USERS = {"ada": "Ada Aldous", "bo": "Bo Birch", "cleo": "Cleo Clay"}

TOKEN = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{128}|[0-9a-f]{64})(?![0-9a-f])")
"""CSRF token, masked or not, or its signature."""

KEY = re.compile(r'data-session="([^"]+)"')
OF_ONE_BROWSER = re.compile(r"authjs\.(?!callback-url)[^=]+=[^;]+")
"""A cookie that is set, not deleted. The callback URL is left out, as several clients may have the same one."""

REQUESTS: list[tuple[str, dict[str, str]]] = [("HEAD", {}), ("GET", {}), ("GET", HTMX)]
"""Methods and headers. A cache may answer a GET or HTMX request with what it stored for another of these."""


@dataclass(frozen=True)
class CachedApp:
    """Application behind a proxy, and the same application two days ago, with the same secret and database."""

    proxy: CachingProxy
    past: Flask
    op: FaultyProvider

    def paths(self, case: str) -> list[str]:
        """Return the URL of every GET route, with a query string that no other test uses."""
        return [f"{route.path}?case={case}" for route in routes(self.past, "GET")]

    def sign_in(self, key: str) -> ServerClient:
        """Sign in through the proxy."""
        client = ServerClient(self.proxy.origin)
        callback = self.op.authorize(client.start(), claims(key))
        assert client.ask("GET", callback).headers["Location"] == f"{self.proxy.origin}/dashboard"
        return client

    def two_days_old_session(self, key: str) -> dict[str, str]:
        """Sign in two days ago. Return the Cookie header."""
        client = provider_client.ProviderClient(self.past, self.op)
        self.op.skew = -TWO_DAYS
        client.sign_in_as("/dashboard", **claims(key))
        self.op.skew = 0.0
        return {"Cookie": client.cookie_header()}


def claims(key: str) -> dict[str, object]:
    return {"sub": key, "name": USERS[key], "email": f"{key}@example.org"}


@pytest.fixture(name="op", scope="module")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


@pytest.fixture(name="cached", scope="module")
def _cached(
    caching_proxy: CachingProxy, op: FaultyProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CachedApp]:
    settings = {**environment(tmp_path_factory.mktemp("app")), **provider_env(op)}
    settings |= {"AUTH_URL": caching_proxy.origin, "PORT": str(caching_proxy.backend)}
    with serving(SERVE, settings):
        yield CachedApp(caching_proxy, create_app(settings, FrozenClock(time.time() - TWO_DAYS)), op)


@pytest.fixture(name="ada", scope="module")
def _ada(cached: CachedApp) -> ServerClient:
    return cached.sign_in("ada")


@pytest.fixture(name="bo", scope="module")
def _bo(cached: CachedApp) -> ServerClient:
    return cached.sign_in("bo")


@pytest.fixture(name="private", scope="module")
def _private(ada: ServerClient, bo: ServerClient) -> dict[str, ServerClient]:
    """Return the names, email addresses and ids that belong to one user each."""
    profiles = {client: client.ask("GET", "/api/user/profile").json() for client in (ada, bo)}
    assert [profiles[client]["name"] for client in (ada, bo)] == [USERS["ada"], USERS["bo"]]
    return {profile[field]: client for client, profile in profiles.items() for field in ("name", "email", "id")}


@pytest.fixture(name="anonymous")
def _anonymous(cached: CachedApp) -> ServerClient:
    return AnonymousClient(cached.proxy.origin)


class AnonymousClient(ServerClient):
    """Client that sends no cookies."""

    def ask(self, method: str, path: str, **request: object) -> requests.Response:
        """Send a request without cookies."""
        self.cookies.clear()
        return super().ask(method, path, **request)


def cookies(response: requests.Response) -> list[str]:
    """Return each Set-Cookie header."""
    return [str(value) for value in response.raw.headers.getlist("Set-Cookie")]


def personal(response: requests.Response, known: Iterable[str] = ()) -> set[str]:
    """Return the tokens and cookies of one client in the response, and the strings of `known` that it contains."""
    text = "\n".join([response.text, *(f"{name}: {value}" for name, value in response.raw.headers.items())])
    given = {_unmask(token) for token in TOKEN.findall(text)} | set(KEY.findall(text))
    given |= {match[0] for line in cookies(response) if (match := OF_ONE_BROWSER.match(line))}
    return given | {word for word in known if word in text}


def send(client: ServerClient, path: str, last: requests.Response | None) -> Iterator[requests.Response]:
    """Send every kind of request, then conditional ones with the validators of `last`, a response to any client."""
    for method, headers in REQUESTS:
        yield client.ask(method, path, headers=headers)
    if last is not None:
        yield client.ask("GET", path, headers={"If-None-Match": last.headers.get("ETag", "*")})
        since = last.headers.get("Last-Modified", last.headers["Date"])
        yield client.ask("GET", path, headers={"If-Modified-Since": since})


@pytest.mark.parametrize("order", [("ada", "bo", "anonymous"), ("anonymous", "bo", "ada")], ids=", ".join)
def test_two_users_and_an_anonymous_client_share_no_personal_data(
    cached: CachedApp,
    ada: ServerClient,
    bo: ServerClient,
    anonymous: ServerClient,
    private: dict[str, ServerClient],
    order: tuple[str, ...],
) -> None:
    """Request every route in every order, with every kind of request."""
    clients = {"ada": ada, "bo": bo, "anonymous": anonymous}
    seen: dict[ServerClient, set[str]] = {client: set() for client in clients.values()}
    for path in cached.paths(", ".join(order)):
        last = None
        for name in order:
            for response in send(clients[name], path, last):
                seen[clients[name]] |= personal(response, private)
                last = response

    assert [one & other for one, other in combinations(seen.values(), 2)] == [set()] * 3
    for client in (ada, bo):
        assert {value for value, owner in private.items() if owner is client} <= seen[client]


def test_the_proxy_stores_only_responses_that_are_the_same_for_all_clients(
    cached: CachedApp, ada: ServerClient, anonymous: ServerClient, private: dict[str, ServerClient]
) -> None:
    """The first request comes from a signed-in user. The proxy answers the later ones from its store."""
    stored_endpoints: set[str] = set()
    for route in routes(cached.past, "GET"):
        path = f"{route.path}?case=stored"
        responses = [client.ask("GET", path) for client in (ada, anonymous, anonymous, ada)]
        stored = [is_cached(response) for response in responses]
        if any(stored):
            stored_endpoints.add(route.endpoint)
            assert stored == (
                [False, True, True, True] if cached.proxy.caches_cookie_requests else [False, False, True, False]
            )
            assert {response.content for response in responses} == {responses[0].content}
            assert [(personal(response, private), cookies(response)) for response in responses] == [(set(), [])] * 4

    assert stored_endpoints == CACHEABLE


def test_the_cookie_of_an_extended_session_goes_to_its_user_only(
    cached: CachedApp, ada: ServerClient, anonymous: ServerClient
) -> None:
    """The cookie is set by a page. The proxy gives neither to another client."""
    header = cached.two_days_old_session("cleo")
    extended: set[str] = set()
    for path in cached.paths("extended"):
        own = ServerClient(cached.proxy.origin).ask("GET", path, headers=header)
        renewed = {word for word in personal(own) if word.startswith(COOKIE)}
        extended |= {path.partition("?")[0]} if renewed else set()
        for client in (ada, anonymous, ada, anonymous):
            response = client.ask("GET", path)
            assert not personal(own) & personal(response), path
            assert USERS["cleo"] not in response.text
            assert not [line for line in cookies(response) if line.startswith(COOKIE)]

    assert extended >= {"/", "/dashboard", "/api/auth/session", "/api/auth/signin", "/partials/user-menu"}


def test_each_anonymous_client_gets_its_own_csrf_token(cached: CachedApp, anonymous: ServerClient) -> None:
    """A page that sets a CSRF cookie, such as the sign-in page, never comes from the proxy's store."""
    pages: set[str] = set()
    for path in cached.paths("pairs"):
        responses = [anonymous.ask("GET", path) for _ in range(3)]
        given = [personal(response) for response in responses]
        if any(given):
            pages.add(path.partition("?")[0])
            assert all(given), path
            assert not set.union(*(one & other for one, other in combinations(given, 2))), path
            assert not [response for response in responses if is_cached(response)], path

    assert pages >= {"/api/auth/signin", "/api/auth/csrf"}


def test_concurrent_clients_get_separate_responses(cached: CachedApp, ada: ServerClient, bo: ServerClient) -> None:
    """A proxy that collapses concurrent requests must not give the response to one client to another."""
    for path in ("/api/auth/csrf?case=at-once", "/dashboard?case=at-once", "/partials/user-menu?case=at-once"):
        clients = [ada, bo, *(AnonymousClient(cached.proxy.origin) for _ in range(6))]
        responses = run_parallel(*(partial(client.ask, "GET", path) for client in clients))
        given = [personal(response, USERS.values()) for response in responses]

        assert not set.union(*(one & other for one, other in combinations(given, 2))), path
