"""Test client and fixtures for sign-ins through an external OpenID provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
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
from genkan.web.state import AppState as State
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.core import with_callback
from tests.servers.faulty.faults import SCRIPT, Faults
from tests.servers.faulty.provider import FaultyProvider

Result = TypeVar("Result")

OTHER_USER = {"sub": "resident", "name": "Rei Resident", "email": "resident@example.org"}
"""Claims of a second user, who is already signed in when another sign-in fails."""

SentSignals = list[tuple[str, dict[str, Any]]]
"""Name and keyword arguments of each signal, in the order sent."""

COOKIE = "authjs.session-token"

_NUMBERS = count(1)

ENVIRONMENT = {
    "GENKAN_ENV": "development",
    "AUTH_SECRET": "tests-only-secret-that-protects-nothing-at-all",
    "AUTH_URL": "http://127.0.0.1:5000",
    "AUTH_DEVELOPMENT_PROVIDER": "off",
}


class ProviderClient(Browser):
    """Browser whose user has an account at the faulty provider."""

    def __init__(self, app: Flask, op: FaultyProvider) -> None:
        super().__init__(app)
        # Each client has its own address, because an application shared by many tests would hit the rate limit.
        number = next(_NUMBERS)
        self.ip_address = f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        self.client.environ_base["REMOTE_ADDR"] = self.ip_address
        self.op = op
        self.clock: FrozenClock = self.core.clock

    def start(self, callback_url: str = "/dashboard") -> str:
        """Start a sign-in. Return the URL of the provider's authorization endpoint."""
        return self.begin_sign_in(callback_url, "oidc").headers["Location"]

    def callback_url(self, callback_url: str = "/dashboard", **claims: object) -> str:
        """Start a sign-in and consent at the provider as the user with `claims`. Return the callback URL."""
        return self.op.authorize(self.start(callback_url), claims)

    def sign_in_as(self, callback_url: str = "/dashboard", **claims: object) -> TestResponse:
        """Sign in as the user with `claims`. Return the response to the callback."""
        return self.get(self.callback_url(callback_url, **claims))

    def name(self) -> str | None:
        """Return the signed-in user's name, or None without a session."""
        session = self.session()
        return None if session is None else str(session["user"]["name"])

    def flow_cookies(self) -> list[str]:
        """Return the names of the cookies of unfinished sign-ins."""
        return [name for _, _, name in self.client._cookies or () if name.startswith("authjs.flow.")]

    def cookie_header(self) -> str:
        """Return all cookies as a `Cookie` header, so that another client can send them."""
        return "; ".join(f"{name}={kept.value}" for (_, _, name), kept in (self.client._cookies or {}).items())


def provider_env(op: FaultyProvider, id: str = "OIDC") -> dict[str, str]:
    """Return the environment variables that enable this provider."""
    values = {"ID": op.client_id, "SECRET": op.client_secret, "ISSUER": op.issuer}
    return {f"AUTH_{id}_{kind}": value for kind, value in values.items()}


def get_state(app: Flask) -> State:
    """Return the extension's state. A test can replace its `core`."""
    state: State = app.extensions["genkan"]
    return state


def query(url: str) -> dict[str, str]:
    """Return the query parameters of a URL. Raise AssertionError if one occurs twice."""
    found = parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


def failure_reason(response: TestResponse, browser: Browser) -> str | None:
    """Return the `reason` of a failed sign-in, after checking what every failed sign-in must satisfy.

    The response redirects to a page of the application and sets no session cookie. That page has a 4xx status, or 503
    with Retry-After. It shows the application's own message and a way to try again, and no text from the provider.
    """
    location = response.headers["Location"]
    assert response.status_code == (303 if response.request.method == "POST" else 302)
    assert location.startswith((f"{browser.origin}/api/auth/error?", f"{browser.origin}/api/auth/signin?"))
    assert not [line for line in response.headers.getlist("Set-Cookie") if line.startswith(COOKIE)]
    page = browser.get(location)
    text = page.get_data(as_text=True)
    assert page.status_code in {400, 401, 403} or (page.status_code == 503 and page.headers["Retry-After"])
    assert 'role="alert"' in text
    assert 'href="/api/auth/signin"' in text or 'action="/api/auth/signin/oidc"' in text
    assert SCRIPT not in unescape(location + text)
    return query(location).get("reason")


def set_callbacks(client: ProviderClient, **callbacks: Callable[..., Any]) -> None:
    """Replace these callbacks of the client's application."""
    state = get_state(client.app)
    state.core = with_callback(state.core, **callbacks)


def run_parallel(*functions: Callable[[], Result]) -> list[Result]:
    """Call each function in its own thread, all at the same time. Return their results in order."""
    barrier = Barrier(len(functions))

    def begin(function: Callable[[], Result]) -> Result:
        barrier.wait(30)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result(30) for future in [pool.submit(begin, function) for function in functions]]


@pytest.fixture(name="op")
def _op(clock: FrozenClock) -> Iterator[FaultyProvider]:
    with FaultyProvider(clock=clock) as op:
        yield op


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, op: FaultyProvider) -> Flask:
    return make_app(**provider_env(op), AUTH_DEVELOPMENT_PROVIDER="off")


@pytest.fixture(name="module_client", scope="module")
def _module_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderClient]:
    """One application and one provider for all tests of a module, so that the application must recover from each fault."""
    clock = FrozenClock()
    with FaultyProvider(clock=clock) as op:
        database = f"sqlite:///{tmp_path_factory.mktemp('database')}/genkan.db"
        migrations.upgrade(database)
        yield ProviderClient(create_app({**ENVIRONMENT, **provider_env(op), "DATABASE_URL": database}, clock), op)


@pytest.fixture(name="client")
def _client(provider_app: Flask, op: FaultyProvider) -> ProviderClient:
    return ProviderClient(provider_app, op)


@pytest.fixture(name="other_user")
def _other_user(module_client: ProviderClient) -> ProviderClient:
    """Client of the module's application in which the other user is signed in. A failed sign-in must not change that."""
    module_client.op.faults = Faults()
    client = ProviderClient(module_client.app, module_client.op)
    client.sign_in_as(**OTHER_USER)
    assert client.name() == "Rei Resident"
    return client


@pytest.fixture(name="sent_signals")
def _sent_signals() -> Iterator[SentSignals]:
    """Record the signals of a sign-in, in order."""
    sent_signals: SentSignals = []
    recorded = (signals.user_created, signals.account_linked, signals.signed_in)
    with ExitStack() as stack:
        for signal in recorded:
            record = lambda _, name=signal.name, **kwargs: sent_signals.append((name, kwargs))  # noqa: E731
            stack.enter_context(signal.connected_to(record))
        yield sent_signals
