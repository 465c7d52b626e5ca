"""Sign-in with the certified oidc-provider from npm, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial

import pytest
from flask import Flask

from genkan.actions.access_token import access_token
from genkan.errors import ReauthorizationRequired
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp
from tests.provider_client import COOKIE, query, run_parallel
from tests.servers.node import oidc_provider
from tests.servers.node.nodejs import needing_node
from tests.servers.node.oidc_provider import OidcProvider
from tests.servers.process import free_port

CALLBACK = f"{ORIGIN}/api/auth/callback/oidc"
ADA: Mapping[str, object] = {"name": "Ada Lovelace", "email": "Ada@example.org"}
ADA_LATER: Mapping[str, object] = {"name": "Ada King", "picture": "https://pictures.example/countess.png"}


def provider(port: int, ada: Mapping[str, object], **settings: bool) -> AbstractContextManager[OidcProvider]:
    return oidc_provider.running([CALLBACK], accounts={"ada": ada}, port=port, **settings)  # type: ignore[arg-type]


@pytest.fixture(name="port", scope="module")
def _port() -> int:
    return free_port()


@pytest.fixture(name="op", scope="module")
def _op(port: int) -> Iterator[OidcProvider]:
    with needing_node(), provider(port, ADA, refresh_tokens=True) as op:
        yield op


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, clock: FrozenClock, port: int) -> Flask:
    clock.now = time.time()  # the provider uses the real time
    variables = {"ID": oidc_provider.CLIENT_ID, "SECRET": oidc_provider.CLIENT_SECRET}
    issuer = {"AUTH_OIDC_ISSUER": f"http://127.0.0.1:{port}"}
    return make_app(**{f"AUTH_OIDC_{name}": value for name, value in variables.items()}, **issuer)


@pytest.fixture(name="browser")
def _signed_in_client(provider_app: Flask) -> Browser:
    return Browser(provider_app)


def sign_in(browser: Browser, op: OidcProvider, account: str = "ada") -> str:
    """Sign in and return the URL of the final redirect."""
    location = browser.begin_sign_in("/dashboard", "oidc")
    return browser.get(op.sign_in(location.headers["Location"], account)).headers["Location"]


def test_a_user_signs_in(browser: Browser, op: OidcProvider) -> None:
    """The provider sends name, email and picture only in userinfo (OpenID Connect Core section 5.4)."""
    assert sign_in(browser, op) == f"{ORIGIN}/dashboard"

    session = browser.session()
    (user,) = browser.core.adapter.list_users()
    assert session is not None
    assert session["user"] == {
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "image": "https://pictures.example/ada.png",
        "id": user.id,
        "role": "user",
    }
    assert "Welcome, Ada Lovelace" in browser.get("/dashboard").get_data(as_text=True)
    assert browser.get("/api/user/profile").get_json() == session["user"]
    assert browser.core.adapter.get_user_by_account("oidc", "ada") == user
    assert user.email_verified is not None


def test_a_user_who_refuses_gets_an_explanation_and_stays_signed_in(browser: Browser, op: OidcProvider) -> None:
    sign_in(browser, op)
    location = browser.begin_sign_in("/dashboard", "oidc")
    response = browser.get(op.refuse(location.headers["Location"]))
    page = browser.get(response.headers["Location"])

    assert response.headers["Location"] == f"{ORIGIN}/api/auth/signin?error=OAuthCallbackError&reason=declined"
    assert page.status_code == 400
    assert "The sign-in was cancelled" in page.get_data(as_text=True)
    assert "The visitor said no" not in page.get_data(as_text=True)
    assert browser.session() is not None


def test_signing_out_and_in_again_finds_the_same_user(browser: Browser, op: OidcProvider) -> None:
    sign_in(browser, op)
    first = browser.session()
    browser.sign_out()
    assert browser.session() is None
    sign_in(browser, op)

    assert browser.session() == first


def test_two_accounts_are_two_users(provider_app: Flask, op: OidcProvider) -> None:
    ada, grace = Browser(provider_app), Browser(provider_app)
    sign_in(ada, op)
    sign_in(grace, op, "grace")

    sessions = [ada.session(), grace.session()]
    assert [session and session["user"]["name"] for session in sessions] == ["Ada Lovelace", "grace"]
    assert len(provider_app.extensions["genkan"].core.adapter.list_users()) == 2


def test_auth_time_is_returned_for_a_reauthentication_only(browser: Browser, op: OidcProvider) -> None:
    """This provider sends `auth_time` only when `max_age` was requested (OpenID Connect Core section 2)."""
    sign_in(browser, op)
    signed_in = browser.core.sessions.sealer.open(browser.cookie(COOKIE) or "")
    location = browser.submit("/api/auth/signin/oidc", callbackUrl="/dashboard", purpose="fresh").headers["Location"]
    other_location = browser.submit("/api/auth/signin/oidc", callbackUrl="/dashboard", purpose="fresh").headers[
        "Location"
    ]
    refused = browser.get(op.sign_in(other_location, "grace")).headers["Location"]
    final = browser.get(op.sign_in(location, "ada")).headers["Location"]
    reauthenticated = browser.core.sessions.sealer.open(browser.cookie(COOKIE) or "")

    assert query(location).items() >= {"prompt": "login", "max_age": "60"}.items()
    assert query(refused)["reason"] == "another-person"
    assert (signed_in["auth_time"], final) == (None, f"{ORIGIN}/dashboard")
    assert abs(reauthenticated["auth_time"] - time.time()) < 60
    assert (signed_in["sub"], signed_in["sid"] == reauthenticated["sid"]) == (reauthenticated["sub"], False)


def test_a_restarted_provider_with_new_keys_and_a_changed_profile_is_accepted(
    make_app: MakeApp, clock: FrozenClock
) -> None:
    """The new key has the old `kid`, so only the signature check fails. The claims are in the ID token as well."""
    port = free_port()
    clock.now = time.time()
    app = make_app(
        AUTH_OIDC_ID=oidc_provider.CLIENT_ID,
        AUTH_OIDC_SECRET=oidc_provider.CLIENT_SECRET,
        AUTH_OIDC_ISSUER=f"http://127.0.0.1:{port}",
    )
    browser = Browser(app)
    with needing_node(), provider(port, ADA) as op:
        sign_in(browser, op)
    before = browser.session()
    with needing_node(), provider(port, {**ADA, **ADA_LATER}, id_token_claims=True) as op:
        sign_in(browser, op)
    after = browser.session()

    assert before is not None
    assert after is not None
    assert after["user"] == {
        **before["user"],
        "name": "Ada King",
        "image": "https://pictures.example/countess.png",
    }


def test_tokens_are_refreshed_once_and_a_reused_refresh_token_requires_reauthorization(
    browser: Browser, clock: FrozenClock, op: OidcProvider
) -> None:
    """The provider rotates refresh tokens and treats a second use as theft (RFC 9700 section 4.14)."""
    sign_in(browser, op)
    (user,) = browser.core.adapter.list_users()
    (first,) = browser.core.adapter.list_accounts(user.id)
    refresh = partial(access_token, user.id, "oidc", browser.core)
    access_tokens = set()
    for _ in range(3):
        clock.advance(3600)
        access_tokens |= set(run_parallel(*[refresh] * 10))

    (account,) = browser.core.adapter.list_accounts(user.id)
    assert len(access_tokens) == 3
    assert account.tokens["refresh_token"] != first.tokens["refresh_token"]
    assert browser.core.adapter.update_tokens(first, account.tokens["refresh_token"])
    clock.advance(3600)
    with pytest.raises(ReauthorizationRequired):
        refresh()
    assert browser.session() is not None
