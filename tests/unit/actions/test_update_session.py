"""`POST /api/auth/session`: the values that a client may and may not change in its session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import pytest

from genkan.actions.update_session import update
from genkan.callbacks import Callbacks, JWTParams, SessionParams
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
ADA: Token = {"sub": "1", "name": "Ada", "custom": {"seen": []}}


class UpdateClient:
    """Client with a session and a CSRF token. The callbacks of its application record their calls."""

    def __init__(self, clock: FrozenClock) -> None:
        callbacks = Callbacks(jwt=self._jwt, session=self._session)
        self.core = make_core(clock, callbacks=callbacks, updatable_fields={"name": str, "theme": str, "size": int})
        self.calls: list[JWTParams | SessionParams] = []
        self.on_update: Any = lambda params: {**params.token, "name": params.session["name"]}
        self.jar = CookieJar()
        self.csrf = self.core.csrf.create()
        self.jar.store(update_session(ADA, "", (), self.core.sessions)[1])
        self.jar.values[self.core.cookie_names.csrf] = self.csrf.cookie
        self.calls.clear()

    def update(self, data: object = None, headers: dict[str, str] | None = None, **body: object) -> ActionResponse:
        """Send `data` with the CSRF token. Keep the cookies of the response and return it."""
        body = {"csrfToken": self.csrf.token, "data": data, **body}
        cookies = RequestCookies(self.jar.header)
        response = update(ActionRequest("POST", body=body, cookies=cookies, headers=headers or {}), self.core)
        self.jar.store(response.cookies)
        return response

    def session(self) -> Session | None:
        return read(RequestCookies(self.jar.header), self.core.sessions).session

    def name(self) -> str | None:
        """Return the user's name in the session, or None without a session."""
        session = self.session()
        return session.user.name if session else None

    def claims(self) -> Token:
        """Return the claims of the session cookie."""
        return self.core.sessions.sealer.open(self.jar.values[NAME])

    def _jwt(self, params: JWTParams) -> Token | None:
        self.calls.append(params)
        token: Token | None = self.on_update(params) if params.trigger == "update" else params.token
        return token

    def _session(self, params: SessionParams) -> Session:
        self.calls.append(params)
        return params.session


@pytest.fixture(name="client")
def _client(clock: FrozenClock) -> UpdateClient:
    return UpdateClient(clock)


def _raise(_params: object) -> NoReturn:
    raise RuntimeError


def test_the_jwt_callback_chooses_values_and_the_response_is_the_new_session(client: UpdateClient) -> None:
    response = client.update({"name": "Ada Lovelace", "theme": "dark"})
    assert response.status == 200
    assert isinstance(response.body, dict)
    assert response.body["user"] == {"name": "Ada Lovelace", "email": None, "image": None}
    assert client.name() == "Ada Lovelace"


@pytest.mark.parametrize("is_cached", [True, False])
def test_each_callback_is_called_once_and_jwt_gets_the_data(client: UpdateClient, is_cached: bool) -> None:
    if not is_cached:
        client.core.sessions.cache.clear()
    client.update({"name": "Lovelace"})
    jwt, session = client.calls
    assert isinstance(jwt, JWTParams)
    assert (jwt.trigger, jwt.session, jwt.user) == ("update", {"name": "Lovelace"}, None)
    assert isinstance(session, SessionParams)


def test_a_jwt_callback_that_returns_none_removes_the_session(client: UpdateClient) -> None:
    client.on_update = lambda _: None
    assert client.update().body is None
    assert NAME not in client.jar.values


@pytest.mark.parametrize("callback", [_raise, lambda _: 7, lambda _: {"odd": object()}, lambda _: "token"])
def test_a_callback_that_fails_changes_nothing(client: UpdateClient, callback: object) -> None:
    client.on_update = callback
    before = dict(client.jar.values)
    assert client.update({"name": "x"}) == ActionResponse(400)
    assert client.jar.values == before
    assert client.name() == "Ada"


def test_a_callback_that_changes_its_arguments_and_then_fails_changes_nothing(client: UpdateClient) -> None:
    def change_and_fail(params: JWTParams) -> NoReturn:
        params.token["custom"]["seen"].append(params.session)
        raise RuntimeError

    client.on_update = change_and_fail
    client.update({"name": "x"})
    cached = read(RequestCookies(client.jar.header), client.core.sessions).cached
    assert cached is not None
    assert cached.token["custom"] == {"seen": []}


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
def test_without_a_valid_csrf_token_or_from_another_site_nothing_changes(
    client: UpdateClient, headers: dict[str, str], body: dict[str, object]
) -> None:
    assert client.update({"name": "x"}, headers, **body) == ActionResponse(400)
    assert client.calls == []
    assert client.name() == "Ada"


def test_a_request_from_the_same_origin_is_accepted(client: UpdateClient) -> None:
    assert client.update({"name": "x"}, {"origin": ORIGIN, "sec-fetch-site": "same-origin"}).status == 200


def test_without_a_session_the_response_is_null_and_no_callback_is_called(client: UpdateClient) -> None:
    del client.jar.values[NAME]
    assert client.update({"name": "x"}) == ActionResponse()
    assert client.calls == []


@pytest.mark.parametrize("value", ["junk", "a.b.c.d.e"])
def test_a_cookie_that_does_not_open_is_left_alone_and_the_response_is_null(client: UpdateClient, value: str) -> None:
    """It may be the session of another application on this host."""
    client.jar.values[NAME] = value
    assert client.update({"name": "x"}).body is None
    assert client.jar.values[NAME] == value
    assert client.calls == []


def test_an_update_cannot_move_the_absolute_limit(client: UpdateClient, clock: FrozenClock) -> None:
    client.on_update = lambda params: {**params.token, **params.session}
    client.core = replace(client.core, updatable_fields=dict.fromkeys(("session_start", "iat", "exp"), float))
    later_times = {"session_start": START + 900 * DAY, "iat": START + 900 * DAY, "exp": START + 900 * DAY}
    for _ in range(5):
        client.update(later_times)
        clock.advance(15 * DAY)
        assert client.session()
    client.on_update = lambda _: {"sub": "1"}
    client.update()
    clock.now = START + 90 * DAY - 1
    assert client.session()
    clock.advance(1)
    assert client.session() is None
    assert client.update().body is None
    assert NAME not in client.jar.values


def test_an_update_extends_the_session_and_keeps_all_other_claims(client: UpdateClient, clock: FrozenClock) -> None:
    clock.advance(3600)
    client.update({"name": "x"})
    claims = client.claims()
    assert (claims["custom"], claims["session_start"], claims["exp"]) == ({"seen": []}, START, START + 3600 + 30 * DAY)


def test_five_thousand_updates_of_one_session_do_not_fill_the_cache(client: UpdateClient) -> None:
    """Each update issues a new token, and the limit of the cache counts the characters of the tokens."""
    client.on_update = lambda params: {**params.token, "notes": "x" * 9000}
    for _ in range(5000):
        assert client.update().body is not None
    length = sum(len(value) for name, value in client.jar.values.items() if name.startswith(NAME))

    assert length > 9000
    assert 0 < len(client.core.sessions.cache) <= CACHE_CHARACTERS // length
    assert client.session() is not None


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
def test_a_value_of_the_wrong_type_is_refused_before_the_callback_is_called(client: UpdateClient, data: object) -> None:
    assert client.update(data).status == 400
    assert client.calls == []
    assert client.name() == "Ada"


@pytest.mark.parametrize(
    ("data", "session"),
    [
        ({"theme": "dark", "role": "owner", "sub": "2", "session_start": 1}, {"theme": "dark"}),
        ({"role": "owner"}, {}),
        ({}, {}),
        (["theme"], None),
        ("theme", None),
        (None, None),
    ],
)
def test_the_callback_gets_only_fields_that_a_client_may_set(
    client: UpdateClient, data: object, session: object
) -> None:
    client.on_update = lambda params: params.token
    assert client.update(data).status == 200
    params = client.calls[0]
    assert isinstance(params, JWTParams)
    assert params.session == session


def test_without_updatable_fields_a_client_sets_nothing(client: UpdateClient) -> None:
    client.core = replace(client.core, updatable_fields={})
    client.on_update = lambda params: {**params.token, **params.session}
    assert client.update({"name": "Ada Lovelace"}).status == 200
    assert client.name() == "Ada"
