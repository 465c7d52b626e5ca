"""`POST /api/auth/session`: what a client may change about its session, and what it may not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import pytest

from genkan.actions.update_session import update
from genkan.callbacks import Callbacks, JWTParams, SessionParams
from genkan.core import Core
from genkan.http.cookies import RequestCookies
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.session.issuer import update_session
from genkan.session.reader import read
from genkan.session.sessions import CACHE_CHARACTERS
from genkan.types import Session, Token
from tests.clock import START, FrozenClock
from tests.cookie_jar import CookieJar
from tests.core import ORIGIN, make_core

NAME = "authjs.session-token"
DAY = 86_400
ADA: Token = {"sub": "1", "name": "Ada", "theirs": {"seen": []}}


class House:
    """Somebody signed in with a CSRF pair, and callbacks that note what they are asked."""

    def __init__(self, clock: FrozenClock) -> None:
        callbacks = Callbacks(jwt=self._jwt, session=self._session)
        self.options = make_core(
            clock, callbacks=callbacks, updatable_fields={"name": str, "theme": str, "size": int}
        )
        self.asked: list[JWTParams | SessionParams] = []
        self.jwt_answer: Any = lambda params: {**params.token, "name": params.session["name"]}
        self.jar = CookieJar()
        self.pair = self.options.csrf.create()
        self.jar.take(update_session(ADA, "", (), self.options.sessions)[1])
        self.jar.values[self.options.cookie_names.csrf] = self.pair.cookie
        self.asked.clear()

    def update(self, data: object = None, headers: dict[str, str] | None = None, **body: object) -> ActionResponse:
        given = {"csrfToken": self.pair.token, "data": data, **body}
        reply = update(
            ActionRequest("POST", body=given, cookies=RequestCookies(self.jar.header), headers=headers or {}),
            self.options,
        )
        self.jar.take(reply.cookies)
        return reply

    def session(self) -> Session | None:
        return read(RequestCookies(self.jar.header), self.options.sessions).session

    def _jwt(self, params: JWTParams) -> Token | None:
        self.asked.append(params)
        answer: Token | None = self.jwt_answer(params) if params.trigger == "update" else params.token
        return answer

    def _session(self, params: SessionParams) -> Session:
        self.asked.append(params)
        return params.session


@pytest.fixture(name="house")
def _house(clock: FrozenClock) -> House:
    return House(clock)


def _name(house: House) -> str | None:
    session = house.session()
    return session.user.name if session else None


def _raise(_params: object) -> NoReturn:
    raise RuntimeError


def test_the_jwt_callback_takes_what_it_likes_and_the_new_session_is_the_answer(house: House) -> None:
    reply = house.update({"name": "Ada Lovelace", "theme": "dark"})
    assert reply.status == 200
    assert isinstance(reply.body, dict)
    assert reply.body["user"] == {"name": "Ada Lovelace", "email": None, "image": None}
    assert _name(house) == "Ada Lovelace"


@pytest.mark.parametrize("seen_before", [True, False])
def test_each_callback_is_asked_once_and_told_what_is_to_change(house: House, seen_before: bool) -> None:
    if not seen_before:
        house.options.sessions.cache.clear()
    house.update({"name": "Lovelace"})
    jwt, session = house.asked
    assert isinstance(jwt, JWTParams)
    assert (jwt.trigger, jwt.session, jwt.user) == ("update", {"name": "Lovelace"}, None)
    assert isinstance(session, SessionParams)


def test_a_jwt_callback_that_says_none_ends_the_session(house: House) -> None:
    house.jwt_answer = lambda _: None
    assert house.update().body is None
    assert NAME not in house.jar.values


@pytest.mark.parametrize("answer", [_raise, lambda _: 7, lambda _: {"odd": object()}, lambda _: "token"])
def test_a_callback_that_fails_changes_nothing(house: House, answer: object) -> None:
    house.jwt_answer = answer
    before = dict(house.jar.values)
    assert house.update({"name": "x"}) == ActionResponse(400)
    assert house.jar.values == before
    assert _name(house) == "Ada"


def test_a_callback_that_scribbles_and_then_fails_changes_nothing_either(house: House) -> None:
    def scribble(params: JWTParams) -> NoReturn:
        params.token["theirs"]["seen"].append(params.session)
        raise RuntimeError

    house.jwt_answer = scribble
    house.update({"name": "boo"})
    known = read(RequestCookies(house.jar.header), house.options.sessions).cached
    assert known is not None
    assert known.token["theirs"] == {"seen": []}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {"csrfToken": None}),
        ({}, {"csrfToken": ""}),
        ({}, {"csrfToken": "00" * 32}),
        ({}, {"csrfToken": ["x"]}),
        ({}, {"csrfToken": "é"}),
        ({"origin": "https://evil.example"}, {}),
        ({"origin": "null"}, {}),
        ({"sec-fetch-site": "cross-site"}, {}),
        ({"sec-fetch-site": "same-site"}, {}),
    ],
)
def test_without_the_csrf_token_or_from_elsewhere_nothing_is_asked_and_nothing_changes(
    house: House, headers: dict[str, str], body: dict[str, object]
) -> None:
    assert house.update({"name": "x"}, headers, **body) == ActionResponse(400)
    assert house.asked == []
    assert _name(house) == "Ada"


def test_from_our_own_pages_it_is_welcome(house: House) -> None:
    assert house.update({"name": "x"}, {"origin": ORIGIN, "sec-fetch-site": "same-origin"}).status == 200


def test_nobody_signed_in_is_null_and_asks_no_callback(house: House) -> None:
    del house.jar.values[NAME]
    assert house.update({"name": "x"}) == ActionResponse()
    assert house.asked == []


@pytest.mark.parametrize("value", ["junk", "a.b.c.d.e"])
def test_a_bad_token_is_null_and_cleared(house: House, value: str) -> None:
    house.jar.values[NAME] = value
    assert house.update({"name": "x"}).body is None
    assert NAME not in house.jar.values
    assert house.asked == []


def test_an_update_can_not_move_the_absolute_end(house: House, clock: FrozenClock) -> None:
    house.jwt_answer = lambda params: {**params.token, **params.session}
    house.options = replace(house.options, updatable_fields=dict.fromkeys(("session_start", "iat", "exp"), float))
    signs_of_youth = {"session_start": START + 900 * DAY, "iat": START + 900 * DAY, "exp": START + 900 * DAY}
    for _ in range(5):
        house.update(signs_of_youth)
        clock.advance(15 * DAY)
        assert house.session()
    house.jwt_answer = lambda _: {"sub": "1"}
    house.update()
    clock.now = START + 90 * DAY - 1
    assert house.session()
    clock.advance(1)
    assert house.session() is None
    assert house.update().body is None
    assert NAME not in house.jar.values


def test_an_update_prolongs_the_session_and_keeps_what_it_does_not_change(house: House, clock: FrozenClock) -> None:
    clock.advance(3600)
    house.update({"name": "x"})
    claims = _claims(house.options, house.jar)
    assert (claims["theirs"], claims["session_start"], claims["exp"]) == ({"seen": []}, START, START + 3600 + 30 * DAY)


def _claims(options: Core, jar: CookieJar) -> Token:
    return options.sessions.sealer.open(jar.values[NAME])


def test_five_thousand_updates_by_one_person_fill_no_memory(house: House) -> None:
    """Each answer is a token of its own, and long ones are counted as such."""
    house.jwt_answer = lambda params: {**params.token, "notes": "x" * 9000}
    for _ in range(5000):
        assert house.update().body is not None
    length = sum(len(value) for name, value in house.jar.values.items() if name.startswith(NAME))

    assert length > 9000
    assert 0 < len(house.options.sessions.cache) <= CACHE_CHARACTERS // length
    assert house.session() is not None


@pytest.mark.parametrize(
    "data",
    [
        {"name": None},
        {"name": 7},
        {"name": ["Ada"]},
        {"name": "A" * 1001},
        {"size": True},
        {"size": "7"},
        {"size": 7.0},
        {"theme": "dark", "size": None},
    ],
)
def test_a_client_sets_something_only_to_its_type(house: House, data: object) -> None:
    """The callback is not even asked: one that takes over everything it is handed gives nothing away."""
    assert house.update(data).status == 400
    assert house.asked == []
    assert _name(house) == "Ada"


@pytest.mark.parametrize(
    ("data", "handed"),
    [
        ({"theme": "dark", "role": "owner", "sub": "2", "session_start": 1}, {"theme": "dark"}),
        ({"role": "owner"}, {}),
        ({}, {}),
        (["theme"], None),
        ("theme", None),
        (None, None),
    ],
)
def test_what_a_client_may_not_set_is_not_even_handed_on(house: House, data: object, handed: object) -> None:
    house.jwt_answer = lambda params: params.token
    assert house.update(data).status == 200
    asked = house.asked[0]
    assert isinstance(asked, JWTParams)
    assert asked.session == handed


def test_without_a_list_a_client_sets_nothing(clock: FrozenClock) -> None:
    house = House(clock)
    house.options = replace(house.options, updatable_fields={})
    house.jwt_answer = lambda params: {**params.token, **params.session}
    assert house.update({"name": "Ada Lovelace"}).status == 200
    assert _name(house) == "Ada"
