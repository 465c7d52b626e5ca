"""Helpers for the tests of an application that uses Genkan. `plugin.py` has the fixtures of pytest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient

from genkan.core import Core
from genkan.session import issuer, revoker
from genkan.session.activity import ClientInfo
from genkan.types import Account, ProviderIdentity, User
from genkan.web.context import get_core
from genkan.web.state import get_state

PROVIDER = "test"
"""Id of the provider that test users have signed in with."""

NOT_FRESH = 24 * 3600
"""Seconds since the authentication of a user who is not fresh."""


def sign_in(
    app: Flask,
    client: FlaskClient,
    *,
    email: str = "user@example.com",
    name: str = "Test User",
    role: str = "user",
    fresh: bool = True,
    ended: bool = False,
) -> User:
    """Sign the client in as the user with this address, who is created if necessary, and return the user.

    The session and its record are real, and the callbacks of the application are called. With `fresh=False` the user
    authenticated a day ago. With `ended` the session has been revoked since.
    """
    with app.test_request_context(base_url=app.config.get("AUTH_URL")):
        core = get_core()
        user = _stored_user(email, name, role, core)
        auth_time = core.sessions.now() - (0 if fresh else NOT_FRESH)
        account = Account(PROVIDER, email, "oidc", user_id=user.id)
        identity = ProviderIdentity(user, account, {}, auth_time)
        token = issuer.first_token(identity, user, False, core.sessions)
        record = issuer.new_record(token, identity, ClientInfo("Test", None), core.sessions)
        cookies, _ = issuer.create_session(token, record, (), core.sessions)
        if ended:
            revoker.revoke_id(record.id, "ended", core.sessions)
    for cookie in cookies:
        client.set_cookie(cookie.name, cookie.value, domain=urlsplit(core.origin).hostname or "")
    return user


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


def _stored_user(email: str, name: str, role: str, core: Core) -> User:
    user = core.adapter.get_user_by_email(email)
    if user is None:
        new = User("", name, email, role=role, email_verified=datetime.fromtimestamp(core.sessions.now(), UTC))
        user, _ = core.adapter.create_user(new, Account(PROVIDER, email, "oidc"))
    if user.role != role:
        user = core.adapter.update_user(user.id, role=role) or replace(user, role=role)
    return user
