"""Signing in at the certified provider from npm, over real HTTP: a second opinion on everything at once."""

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
    clock.now = time.time()  # the provider's clock goes on
    variables = {"ID": oidc_provider.CLIENT_ID, "SECRET": oidc_provider.CLIENT_SECRET}
    issuer = {"AUTH_OIDC_ISSUER": f"http://127.0.0.1:{port}"}
    return make_app(**{f"AUTH_OIDC_{name}": value for name, value in variables.items()}, **issuer)


@pytest.fixture(name="signed_in_client")
def _signed_in_client(provider_app: Flask) -> Browser:
    return Browser(provider_app)


def enter(signed_in_client: Browser, op: OidcProvider, account: str = "ada") -> str:
    """All the way; where it ends."""
    begun = signed_in_client.begin_sign_in("/dashboard", "oidc")
    return signed_in_client.get(op.sign_in(begun.headers["Location"], account)).headers["Location"]


def test_somebody_comes_all_the_way_in(signed_in_client: Browser, op: OidcProvider) -> None:
    """The provider tells name, address and picture at userinfo only, as OpenID Connect Core 5.4 has it."""
    assert enter(signed_in_client, op) == f"{ORIGIN}/dashboard"

    session = signed_in_client.session()
    (user,) = signed_in_client.options.adapter.list_users()
    assert session is not None
    assert session["user"] == {
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "image": "https://pictures.example/ada.png",
        "id": user.id,
        "role": "user",
    }
    assert "Welcome, Ada Lovelace" in signed_in_client.get("/dashboard").get_data(as_text=True)
    assert signed_in_client.get("/api/user/profile").get_json() == session["user"]
    assert signed_in_client.options.adapter.get_user_by_account("oidc", "ada") == user
    assert user.email_verified is not None


def test_somebody_who_refuses_is_told_that_nothing_happened(signed_in_client: Browser, op: OidcProvider) -> None:
    enter(signed_in_client, op)
    begun = signed_in_client.begin_sign_in("/dashboard", "oidc")
    answer = signed_in_client.get(op.refuse(begun.headers["Location"]))
    page = signed_in_client.get(answer.headers["Location"])

    assert answer.headers["Location"] == f"{ORIGIN}/api/auth/signin?error=OAuthCallbackError&reason=declined"
    assert page.status_code == 400
    assert "The sign-in was cancelled" in page.get_data(as_text=True)
    assert "The visitor said no" not in page.get_data(as_text=True)
    assert signed_in_client.session() is not None


def test_signing_out_and_in_again_finds_the_same_user(signed_in_client: Browser, op: OidcProvider) -> None:
    enter(signed_in_client, op)
    first = signed_in_client.session()
    signed_in_client.sign_out()
    assert signed_in_client.session() is None
    enter(signed_in_client, op)

    assert signed_in_client.session() == first


def test_two_people_are_two_users(provider_app: Flask, op: OidcProvider) -> None:
    ada, grace = Browser(provider_app), Browser(provider_app)
    enter(ada, op)
    enter(grace, op, "grace")

    sessions = [ada.session(), grace.session()]
    assert [session and session["user"]["name"] for session in sessions] == ["Ada Lovelace", "grace"]
    assert len(provider_app.extensions["genkan"].core.adapter.list_users()) == 2


def test_it_confirms_who_it_is_when_asked_to_and_not_otherwise(signed_in_client: Browser, op: OidcProvider) -> None:
    """It tells when somebody proved themselves only where `max_age` asked for it, as OpenID Connect Core 2 lets it."""
    enter(signed_in_client, op)
    plain = signed_in_client.options.sessions.open(signed_in_client.cookie(COOKIE) or "")
    begun = signed_in_client.submit("/api/auth/signin/oidc", callbackUrl="/dashboard", purpose="fresh").headers[
        "Location"
    ]
    stranger = signed_in_client.submit("/api/auth/signin/oidc", callbackUrl="/dashboard", purpose="fresh").headers[
        "Location"
    ]
    refused = signed_in_client.get(op.sign_in(stranger, "grace")).headers["Location"]
    landing = signed_in_client.get(op.sign_in(begun, "ada")).headers["Location"]
    fresh = signed_in_client.options.sessions.open(signed_in_client.cookie(COOKIE) or "")

    assert query(begun).items() >= {"prompt": "login", "max_age": "60"}.items()
    assert query(refused)["reason"] == "another-person"
    assert (plain["proven_at"], landing) == (None, f"{ORIGIN}/dashboard")
    assert abs(fresh["proven_at"] - time.time()) < 60
    assert (plain["sub"], plain["sid"] == fresh["sid"]) == (fresh["sub"], False)


def test_a_provider_that_comes_back_with_new_keys_and_a_new_name_is_believed(
    make_app: MakeApp, clock: FrozenClock
) -> None:
    """Its key id is the old one, so only the signature tells; here the claims are in the ID token as well."""
    port = free_port()
    clock.now = time.time()
    app = make_app(
        AUTH_OIDC_ID=oidc_provider.CLIENT_ID,
        AUTH_OIDC_SECRET=oidc_provider.CLIENT_SECRET,
        AUTH_OIDC_ISSUER=f"http://127.0.0.1:{port}",
    )
    signed_in_client = Browser(app)
    with needing_node(), provider(port, ADA) as op:
        enter(signed_in_client, op)
    before = signed_in_client.session()
    with needing_node(), provider(port, {**ADA, **ADA_LATER}, id_token_claims=True) as op:
        enter(signed_in_client, op)
    after = signed_in_client.session()

    assert before is not None
    assert after is not None
    assert after["user"] == {
        **before["user"],
        "name": "Ada King",
        "image": "https://pictures.example/countess.png",
    }


def test_tokens_are_renewed_once_for_all_and_a_spent_one_ends_the_connection(
    signed_in_client: Browser, clock: FrozenClock, op: OidcProvider
) -> None:
    """It rotates, tells of the same person in a new ID token, and takes a second use for theft (RFC 9700 4.14)."""
    enter(signed_in_client, op)
    (user,) = signed_in_client.options.adapter.list_users()
    (first,) = signed_in_client.options.adapter.list_accounts(user.id)
    renew = partial(access_token, user.id, "oidc", signed_in_client.options)
    given = set()
    for _ in range(3):
        clock.advance(3600)
        given |= set(run_parallel(*[renew] * 10))

    (now,) = signed_in_client.options.adapter.list_accounts(user.id)
    assert len(given) == 3
    assert now.tokens["refresh_token"] != first.tokens["refresh_token"]
    assert signed_in_client.options.adapter.replace_tokens(first, now.tokens["refresh_token"])
    clock.advance(3600)
    with pytest.raises(ReauthorizationRequired):
        renew()
    assert signed_in_client.session() is not None
