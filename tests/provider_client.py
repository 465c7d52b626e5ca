"""Visitors who come through a provider that is not ours, and the house whose only way in that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from html import unescape
from itertools import count
from threading import Barrier
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from genkan import signals
from genkan.adapters.sqlalchemy import migrations
from genkan.web.state import State
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.servers.faulty.faults import SCRIPT, Faults
from tests.servers.faulty.provider import FaultyProvider

Result = TypeVar("Result")

OTHER_USER = {"sub": "resident", "name": "Rei Resident", "email": "resident@example.org"}
"""Somebody who is signed in already when a sign-in goes wrong."""

SentSignals = list[tuple[str, dict[str, Any]]]
"""What was said, by whom."""

COOKIE = "authjs.session-token"

_NUMBERS = count(1)

ENVIRONMENT = {
    "GENKAN_ENV": "development",
    "AUTH_SECRET": "tests-only-secret-that-protects-nothing-at-all",
    "AUTH_URL": "http://127.0.0.1:5000",
    "AUTH_DEVELOPMENT_PROVIDER": "off",
}


class ProviderClient(Browser):
    """A browser whose person is known at the misbehaving provider."""

    def __init__(self, app: Flask, op: FaultyProvider) -> None:
        super().__init__(app)
        # Of their own, since a house that lasts for many tests would find so many sign-ins from one address too many.
        number = next(_NUMBERS)
        self.address = f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        self.client.environ_base["REMOTE_ADDR"] = self.address
        self.op = op
        self.clock: FrozenClock = self.options.clock

    def start(self, callback_url: str = "/dashboard") -> str:
        """Press the button; where the browser is sent: the provider's authorization endpoint."""
        return self.begin_sign_in(callback_url, "oidc").headers["Location"]

    def callback_url(self, callback_url: str = "/dashboard", **claims: object) -> str:
        """Press the button and consent there, as whoever `claims` describes; the callback that is to be followed."""
        return self.op.authorize(self.start(callback_url), claims)

    def sign_in_as(self, callback_url: str = "/dashboard", **claims: object) -> TestResponse:
        """All the way; the answer to the callback."""
        return self.get(self.callback_url(callback_url, **claims))

    def name(self) -> str | None:
        """Who is signed in."""
        session = self.session()
        return None if session is None else str(session["user"]["name"])

    def flow_cookies(self) -> list[str]:
        """The names of the cookies of sign-ins that are on their way."""
        return [name for _, _, name in self.client._cookies or () if name.startswith("authjs.flow.")]

    def cookie_header(self) -> str:
        """All its cookies, as another client could send them."""
        return "; ".join(f"{name}={kept.value}" for (_, _, name), kept in (self.client._cookies or {}).items())


def provider_env(op: FaultyProvider, id: str = "OIDC") -> dict[str, str]:
    """The environment that turns this provider on."""
    values = {"ID": op.client_id, "SECRET": op.client_secret, "ISSUER": op.issuer}
    return {f"AUTH_{id}_{kind}": value for kind, value in values.items()}


def get_state(app: Flask) -> State:
    """What the application knows of its house; its options can be replaced."""
    state: State = app.extensions["genkan"]
    return state


def query(url: str) -> dict[str, str]:
    """The parameters of a URL; an AssertionError when one is there twice."""
    found = parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


def failure_reason(answer: TestResponse, browser: Browser) -> str | None:
    """The reason of a failed sign-in, whose answer and page are held to what every failure owes the visitor.

    That is: a redirect to a page of ours, no session cookie; there 4xx, or 503 with Retry-After, our words and a way
    to try again, and nothing that the provider wrote (O12).
    """
    location = answer.headers["Location"]
    assert answer.status_code == (303 if answer.request.method == "POST" else 302)
    assert location.startswith((f"{browser.origin}/api/auth/error?", f"{browser.origin}/api/auth/signin?"))
    assert not [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(COOKIE)]
    page = browser.get(location)
    text = page.get_data(as_text=True)
    assert page.status_code in {400, 401, 403} or (page.status_code == 503 and page.headers["Retry-After"])
    assert 'role="alert"' in text
    assert 'href="/api/auth/signin"' in text or 'action="/api/auth/signin/oidc"' in text
    assert SCRIPT not in unescape(location + text)
    return query(location).get("reason")


def set_callbacks(client: ProviderClient, **callbacks: Callable[..., Any]) -> None:
    """Give the visitor's house these callbacks in place of its own."""
    state = get_state(client.app)
    state.core = replace(state.core, callbacks=replace(state.core.callbacks, **callbacks))


def run_parallel(*deeds: Callable[[], Result]) -> list[Result]:
    """What each returns; they begin together, each in a thread of its own."""
    together = Barrier(len(deeds))

    def begin(deed: Callable[[], Result]) -> Result:
        together.wait(10)
        return deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [future.result(30) for future in [pool.submit(begin, deed) for deed in deeds]]


@pytest.fixture(name="op")
def _op(clock: FrozenClock) -> Iterator[FaultyProvider]:
    with FaultyProvider(clock=clock) as op:
        yield op


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, op: FaultyProvider) -> Flask:
    return make_app(**provider_env(op), AUTH_DEVELOPMENT_PROVIDER="off")


@pytest.fixture(name="module_client", scope="module")
def _module_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderClient]:
    """For tables of faults: one house and one provider that live through them all, as they have to in life."""
    clock = FrozenClock()
    with FaultyProvider(clock=clock) as op:
        database = f"sqlite:///{tmp_path_factory.mktemp('house')}/house.db"
        migrations.upgrade(database)
        yield ProviderClient(create_app({**ENVIRONMENT, **provider_env(op), "DATABASE_URL": database}, clock), op)


@pytest.fixture(name="client")
def _client(provider_app: Flask, op: FaultyProvider) -> ProviderClient:
    return ProviderClient(provider_app, op)


@pytest.fixture(name="other_user")
def _other_user(module_client: ProviderClient) -> ProviderClient:
    """A browser in a house that lasts, with somebody else signed in; they stay so whatever goes wrong."""
    module_client.op.faults = Faults()
    client = ProviderClient(module_client.app, module_client.op)
    client.sign_in_as(**OTHER_USER)
    assert client.name() == "Rei Resident"
    return client


@pytest.fixture(name="sent_signals")
def _sent_signals() -> Iterator[SentSignals]:
    """What the signals of a sign-in say, in order."""
    sent_signals: SentSignals = []
    sent = (signals.user_created, signals.account_linked, signals.signed_in)
    with ExitStack() as listening:
        for signal in sent:
            note = lambda _, name=signal.name, **news: sent_signals.append((name, news))  # noqa: E731
            listening.enter_context(signal.connected_to(note))
        yield sent_signals
