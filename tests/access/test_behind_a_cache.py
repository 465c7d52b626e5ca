"""Behind a real caching proxy nobody is shown what was meant for somebody else (X3)."""

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
from tests.provider_client import COOKIE, at_once, provider_env
from tests.routes import addresses
from tests.servers.caching_proxy import CachingProxy, is_cached
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import ServerClient, environment, serving

TWO_DAYS = 2 * 86400.0
"""By then a session is prolonged, with a new cookie, as soon as it is seen."""

KEPT = {"dashboard.about", "static"}
"""The endpoints that ask nobody's name and say that their answers may be shared."""

PEOPLE = {"ada": "Ada Aldous", "bo": "Bo Birch", "cleo": "Cleo Clay"}

TOKEN = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{128}|[0-9a-f]{64})(?![0-9a-f])")
"""A CSRF token, masked or not, or what vouches for it."""

KEY = re.compile(r'data-session="([^"]+)"')
OF_ONE_BROWSER = re.compile(r"authjs\.(?!callback-url)[^=]+=[^;]+")
"""A cookie that is set and not deleted; the one that says where to return to may be the same for many."""

WAYS: list[tuple[str, dict[str, str]]] = [("HEAD", {}), ("GET", {}), ("GET", HTMX)]
"""Caches turn the first into the second; and what is kept of any of them is an answer to the others."""


@dataclass(frozen=True)
class House:
    """The house as people reach it, and as it was two days ago: same secret, same database."""

    proxy: CachingProxy
    past: Flask
    op: FaultyProvider

    def paths(self, case: str) -> list[str]:
        """Every address that can be asked for, as nobody has asked for it before."""
        return [f"{address.path}?case={case}" for address in addresses(self.past, "GET")]

    def arrive(self, key: str) -> ServerClient:
        """Somebody who signs in through the proxy."""
        visitor = ServerClient(self.proxy.origin)
        back = self.op.authorize(visitor.start(), claims(key))
        assert visitor.ask("GET", back).headers["Location"] == f"{self.proxy.origin}/dashboard"
        return visitor

    def return_after_two_days(self, key: str) -> dict[str, str]:
        """The Cookie header of somebody who signed in then and has not been here since."""
        visitor = provider_client.ProviderClient(self.past, self.op)
        self.op.skew = -TWO_DAYS
        visitor.sign_in_as("/dashboard", **claims(key))
        self.op.skew = 0.0
        return {"Cookie": visitor.cookie_header()}


def claims(key: str) -> dict[str, object]:
    return {"sub": key, "name": PEOPLE[key], "email": f"{key}@example.org"}


@pytest.fixture(name="op", scope="module")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


@pytest.fixture(name="house", scope="module")
def _house(
    caching_proxy: CachingProxy, op: FaultyProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    settings = {**environment(tmp_path_factory.mktemp("house")), **provider_env(op)}
    settings |= {"AUTH_URL": caching_proxy.origin, "PORT": str(caching_proxy.backend)}
    with serving(["-m", "deploy.serve"], settings):
        yield House(caching_proxy, create_app(settings, FrozenClock(time.time() - TWO_DAYS)), op)


@pytest.fixture(name="ada", scope="module")
def _ada(house: House) -> ServerClient:
    return house.arrive("ada")


@pytest.fixture(name="bo", scope="module")
def _bo(house: House) -> ServerClient:
    return house.arrive("bo")


@pytest.fixture(name="private", scope="module")
def _private(ada: ServerClient, bo: ServerClient) -> dict[str, ServerClient]:
    """What is known to belong to one of them: names, addresses and ids."""
    profiles = {visitor: visitor.ask("GET", "/api/user/profile").json() for visitor in (ada, bo)}
    assert [profiles[visitor]["name"] for visitor in (ada, bo)] == [PEOPLE["ada"], PEOPLE["bo"]]
    return {profile[field]: visitor for visitor, profile in profiles.items() for field in ("name", "email", "id")}


@pytest.fixture(name="stranger")
def _stranger(house: House) -> ServerClient:
    return Stranger(house.proxy.origin)


class Stranger(ServerClient):
    """Somebody else every time: it comes without cookies and keeps none."""

    def ask(self, method: str, path: str, **request: object) -> requests.Response:
        """As nobody."""
        self.cookies.clear()
        return super().ask(method, path, **request)


def cookies(answer: requests.Response) -> list[str]:
    """Every Set-Cookie by itself."""
    return [str(value) for value in answer.raw.headers.getlist("Set-Cookie")]


def personal(answer: requests.Response, known: Iterable[str] = ()) -> set[str]:
    """All that it gives to whoever asked and to nobody else, and whatever of `known` is in it."""
    text = "\n".join([answer.text, *(f"{name}: {value}" for name, value in answer.raw.headers.items())])
    given = {_unmask(token) for token in TOKEN.findall(text)} | set(KEY.findall(text))
    given |= {match[0] for line in cookies(answer) if (match := OF_ONE_BROWSER.match(line))}
    return given | {word for word in known if word in text}


def ask(visitor: ServerClient, path: str, last: requests.Response | None) -> Iterator[requests.Response]:
    """What this visitor is answered, in turn; at the end to somebody who knows the last answer, whoever had that."""
    for method, headers in WAYS:
        yield visitor.ask(method, path, headers=headers)
    if last is not None:
        yield visitor.ask("GET", path, headers={"If-None-Match": last.headers.get("ETag", "*")})
        since = last.headers.get("Last-Modified", last.headers["Date"])
        yield visitor.ask("GET", path, headers={"If-Modified-Since": since})


@pytest.mark.parametrize("order", [("ada", "bo", "stranger"), ("stranger", "bo", "ada")], ids=", ".join)
def test_two_people_and_a_stranger_share_nothing(
    house: House,
    ada: ServerClient,
    bo: ServerClient,
    stranger: ServerClient,
    private: dict[str, ServerClient],
    order: tuple[str, ...],
) -> None:
    """Whoever comes before whom, at every address, with every kind of request."""
    there = {"ada": ada, "bo": bo, "stranger": stranger}
    seen: dict[ServerClient, set[str]] = {visitor: set() for visitor in there.values()}
    for path in house.paths(", ".join(order)):
        last = None
        for name in order:
            for answer in ask(there[name], path, last):
                seen[there[name]] |= personal(answer, private)
                last = answer

    assert [one & other for one, other in combinations(seen.values(), 2)] == [set()] * 3
    for person in (ada, bo):
        assert {word for word, owner in private.items() if owner is person} <= seen[person]


def test_only_what_is_the_same_for_everybody_comes_from_the_store(
    house: House, ada: ServerClient, stranger: ServerClient, private: dict[str, ServerClient]
) -> None:
    """It is asked for once, by somebody signed in, and from then on given to all; so the proxy does keep things."""
    kept: set[str] = set()
    for address in addresses(house.past, "GET"):
        path = f"{address.path}?case=kept"
        answers = [visitor.ask("GET", path) for visitor in (ada, stranger, stranger, ada)]
        stored = [is_cached(answer) for answer in answers]
        if any(stored):
            kept.add(address.endpoint)
            assert stored == (
                [False, True, True, True] if house.proxy.caches_cookie_requests else [False, False, True, False]
            )
            assert {answer.content for answer in answers} == {answers[0].content}
            assert [(personal(answer, private), cookies(answer)) for answer in answers] == [(set(), [])] * 4

    assert kept == KEPT


def test_a_prolonged_session_goes_to_its_owner_only(house: House, ada: ServerClient, stranger: ServerClient) -> None:
    """Its cookie came with a page; that page and its cookie are given to nobody else."""
    header = house.return_after_two_days("cleo")
    prolonged: set[str] = set()
    for path in house.paths("prolonged"):
        own = ServerClient(house.proxy.origin).ask("GET", path, headers=header)
        renewed = {word for word in personal(own) if word.startswith(COOKIE)}
        prolonged |= {path.partition("?")[0]} if renewed else set()
        for visitor in (ada, stranger, ada, stranger):
            answer = visitor.ask("GET", path)
            assert not personal(own) & personal(answer), path
            assert PEOPLE["cleo"] not in answer.text
            assert not [line for line in cookies(answer) if line.startswith(COOKIE)]

    assert prolonged >= {"/", "/dashboard", "/api/auth/session", "/api/auth/signin", "/partials/user-menu"}


def test_a_page_that_begins_a_pair_of_csrf_tokens_begins_one_for_each_stranger(
    house: House, stranger: ServerClient
) -> None:
    """Such as the sign-in page: it never comes from the store."""
    pages: set[str] = set()
    for path in house.paths("pairs"):
        answers = [stranger.ask("GET", path) for _ in range(3)]
        given = [personal(answer) for answer in answers]
        if any(given):
            pages.add(path.partition("?")[0])
            assert all(given), path
            assert not set.union(*(one & other for one, other in combinations(given, 2))), path
            assert not [answer for answer in answers if is_cached(answer)], path

    assert pages >= {"/api/auth/signin", "/api/auth/csrf"}


def test_those_who_ask_at_once_are_answered_one_by_one(house: House, ada: ServerClient, bo: ServerClient) -> None:
    """A proxy that has them wait for one answer gives that one to none of the others."""
    for path in ("/api/auth/csrf?case=at-once", "/dashboard?case=at-once", "/partials/user-menu?case=at-once"):
        crowd = [ada, bo, *(Stranger(house.proxy.origin) for _ in range(6))]
        answers = at_once(*(partial(visitor.ask, "GET", path) for visitor in crowd))
        given = [personal(answer, PEOPLE.values()) for answer in answers]

        assert not set.union(*(one & other for one, other in combinations(given, 2))), path
