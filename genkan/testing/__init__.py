"""Helpers for the tests of an application that uses Genkan. `plugin.py` has the fixtures of pytest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient

from genkan.core import Core
from genkan.errors import ConfigurationError
from genkan.http.cookies import Cookie
from genkan.http.urls import origin_of
from genkan.session import issuer, revoker
from genkan.session.activity import ClientInfo
from genkan.types import Account, ProviderIdentity, User
from genkan.web.context import get_core
from genkan.web.state import MovableClock, get_state

PROVIDER = "test"
"""Id of the provider that test users have signed in with."""

NOT_FRESH = 24 * 3600
"""Seconds since the authentication of a user who is not fresh."""


class BrowserPage(Protocol):
    """The part of Playwright's `Page` that is used here. Playwright is imported by the tests that need it."""

    @property
    def url(self) -> str:
        """The address. `about:blank` if the page is new."""
        ...

    @property
    def context(self) -> Any:
        """The browser context with the cookies."""
        ...


def sign_in(app: Flask, client: FlaskClient, **user: Any) -> User:
    """Sign the client in as the user with this address, who is created if necessary, and return the user.

    Keywords: `email`, `name`, `role`, `fresh` and `ended`. The session and its record are real, and the callbacks of the
    application are called. With `fresh=False` the user authenticated a day ago. With `ended=True` the session has been
    revoked since. Raises ConfigurationError for that without a database.
    """
    stored, cookies = _create_session(app, app.config.get("AUTH_URL"), **user)
    core = get_state(app).core
    domain = urlsplit(core.origin).hostname or ""
    for cookie in cookies:
        client.set_cookie(cookie.name, cookie.value, domain=domain, path=core.cookie_path)
    return stored


def sign_in_with(app: Flask, page: BrowserPage, **user: Any) -> User:
    """Sign the browser of this Playwright page in, and return the user. Keywords as for `sign_in`.

    If the page is open, its address says where the application is served, otherwise AUTH_URL does.
    """
    url = origin_of(page.url)
    stored, cookies = _create_session(app, url or app.config.get("AUTH_URL"), **user)
    url = url or get_state(app).core.origin
    for cookie in cookies:
        page.context.add_cookies(
            [
                {
                    "name": cookie.name,
                    "value": cookie.value,
                    "url": url,
                    "httpOnly": True,
                    "secure": cookie.secure,
                    "sameSite": "Lax",
                }
            ]
        )
    return stored


def clock_of(app: Flask) -> MovableClock:
    """Return the clock of an application under test.

    Raises ConfigurationError if `app.testing` was not set before the first request, as other code has the time of the
    computer then.
    """
    state = get_state(app)
    clock = state.core.clock if state.is_built else state.test_clock
    if not isinstance(clock, MovableClock) or not (state.is_built or app.testing):
        raise ConfigurationError(
            "genkan_clock: the application is not under test. Set TESTING before the first request."
        )
    return clock


def assert_protected(app: Flask, *, public: Collection[str] = ()) -> None:
    """Raise AssertionError for an endpoint that answers GET without a session, and is not one of `public`.

    Views with arguments, static files, and the views of Genkan are left out.
    """
    client, state = app.test_client(), get_state(app)
    open_endpoints = []
    for rule in app.url_map.iter_rules():
        is_static = rule.endpoint.rpartition(".")[2] == "static"
        if "GET" not in (rule.methods or ()) or rule.arguments or is_static or state.is_own(rule.endpoint):
            continue
        response = client.get(rule.rule, base_url=state.core.origin)
        if response.status_code not in {303, 401, 403} and rule.endpoint not in public:
            open_endpoints.append(rule.endpoint)
    if open_endpoints:
        raise AssertionError(f"without a session, these endpoints answer: {', '.join(sorted(open_endpoints))}")


def _create_session(
    app: Flask,
    base_url: str | None,
    *,
    email: str = "user@example.com",
    name: str = "Test User",
    role: str = "user",
    fresh: bool = True,
    ended: bool = False,
) -> tuple[User, Sequence[Cookie]]:
    with app.test_request_context(base_url=base_url):
        core = get_core()
        if ended and core.is_stateless:
            raise ConfigurationError("signed_in(ended=True): without a database no session can be revoked.")
        user = _stored_user(email, name, role, core)
        auth_time = core.sessions.now() - (0 if fresh else NOT_FRESH)
        account = Account(PROVIDER, email, "oidc", user_id=user.id)
        identity = ProviderIdentity(user, account, {}, auth_time)
        token = issuer.first_token(identity, user, False, core.sessions)
        record = issuer.new_record(token, identity, ClientInfo("Test", None), core.sessions)
        cookies, _ = issuer.create_session(token, record, (), core.sessions)
        if ended:
            revoker.revoke_id(record.id, "ended", core.sessions)
    return user, cookies


def _stored_user(email: str, name: str, role: str, core: Core) -> User:
    user = core.adapter.get_user_by_email(email)
    if user is None:
        new = User("", name, email, role=role, email_verified=datetime.fromtimestamp(core.sessions.now(), UTC))
        user, _ = core.adapter.create_user(new, Account(PROVIDER, email, "oidc"))
    if user.role != role:
        user = core.adapter.update_user(user.id, role=role) or replace(user, role=role)
    return user
