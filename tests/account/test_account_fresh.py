"""Linking, unlinking and deleting an account require a recent sign-in."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.account.page.conftest import FORM_AND_HTMX, sid, sign_in, text, user_id
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp
from tests.provider_client import provider_env
from tests.servers.faulty.provider import FaultyProvider

FRESH_LOGIN_PATHS = ("/account/delete", "/account/accounts/oidc/unlink", "/account/accounts/oidc/link")

HEADERS = {"Referer": f"{ORIGIN}/account"}


@pytest.fixture(name="app")
def _app(make_app: MakeApp, op: FaultyProvider) -> Flask:
    """Return an application with two providers."""
    return make_app(**provider_env(op))


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    return sign_in(app)


def link(browser: Browser, op: FaultyProvider, sub: str = "hana-at-op", **headers: str) -> TestResponse:
    """Submit the "Link" form and consent at the provider. Return the response to the callback."""
    started = browser.submit("/account/accounts/oidc/link", headers=headers)
    url = started.headers.get("HX-Redirect") or started.headers["Location"]
    return browser.get(op.authorize(url, {"sub": sub, "name": "Somebody Else", "email": "else@example.org"}))


def providers(browser: Browser) -> list[str]:
    return [account.provider for account in browser.core.adapter.list_accounts(user_id(browser))]


@pytest.mark.parametrize("path", FRESH_LOGIN_PATHS)
@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_without_a_recent_sign_in_the_user_is_sent_to_confirm_it(
    clock: FrozenClock, hana: Browser, op: FaultyProvider, path: str, headers: dict[str, str]
) -> None:
    link(hana, op)
    clock.advance(301)
    response = hana.submit(path, headers={**HEADERS, **headers}, account="hana-at-op")

    if headers:
        assert response.status_code == 401
        assert response.headers["HX-Redirect"] == "/api/auth/signin?callbackUrl=%2Fdashboard&reason=fresh"
    else:
        assert response.status_code == 303
        assert response.headers["Location"] == "/api/auth/signin?callbackUrl=%2Faccount&reason=fresh"
    assert providers(hana) == ["development", "oidc"]


def test_the_deletion_page_requires_a_recent_sign_in(clock: FrozenClock, hana: Browser) -> None:
    assert hana.get("/account/delete").status_code == 200
    clock.advance(301)
    response = hana.get("/account/delete")

    assert response.status_code == 303
    assert response.headers["Location"] == "/api/auth/signin?callbackUrl=%2Faccount%2Fdelete&reason=fresh"
    assert hana.get("/account").status_code == 200


def test_after_confirming_the_user_can_continue(clock: FrozenClock, hana: Browser) -> None:
    clock.advance(301)
    page = hana.get(hana.get("/account/delete").headers["Location"]).text
    assert "/api/auth/signin/development" in page
    assert '<input type="hidden" name="purpose" value="fresh">' in page
    started = hana.submit("/api/auth/signin/development", callbackUrl="/account/delete", purpose="fresh")
    response = hana.get(hana.choose(started.headers["Location"]))

    assert response.headers["Location"] == f"{ORIGIN}/account/delete"
    assert hana.submit("/account/delete").headers["Location"] == f"{ORIGIN}/?account=deleted"


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_a_linked_account_signs_in_the_same_user(
    app: Flask, hana: Browser, op: FaultyProvider, headers: dict[str, str]
) -> None:
    session = sid(hana)
    response = link(hana, op, **headers)

    assert response.headers["Location"] == f"{ORIGIN}/account?notice=linked"
    content = text(hana.get("/account?notice=linked"))
    assert "Linked. You can sign in with it from now on." in content
    assert f"Linked {hana.core.providers['oidc'].name} " in content
    assert sid(hana) == session
    assert (hana.session() or {})["user"]["name"] == "Hana Example"
    other = Browser(app)
    url = other.begin_sign_in("/dashboard", "oidc").headers["Location"]
    other.get(op.authorize(url, {"sub": "hana-at-op"}))
    assert user_id(other) == user_id(hana)


def test_either_account_can_be_unlinked_while_another_is_left(app: Flask, op: FaultyProvider) -> None:
    """The user has no verified address, and could not sign in by mail."""
    uma = sign_in(app, "Uma Unverified")
    link(uma, op, "uma-at-op")
    [first] = [account for account in uma.core.adapter.list_accounts(user_id(uma)) if account.provider == "development"]
    assert uma.submit("/account/accounts/oidc/unlink", account="uma-at-op").status_code == 303
    assert providers(uma) == ["development"]
    link(uma, op, "uma-at-op")
    unlinked = uma.submit("/account/accounts/development/unlink", account=first.provider_account_id)

    assert unlinked.status_code == 303
    assert providers(uma) == ["oidc"]
    assert uma.submit("/account/accounts/oidc/unlink", account="uma-at-op").status_code == 409


def test_only_the_account_page_allows_form_actions_to_providers(hana: Browser, op: FaultyProvider) -> None:
    def policy(path: str) -> str:
        return hana.get(path).headers["Content-Security-Policy"]

    assert "form-action" not in policy("/account")
    assert policy("/account/delete").endswith("; form-action 'self'")


def test_an_account_of_an_unknown_provider_cannot_be_linked(hana: Browser) -> None:
    response = hana.submit("/account/accounts/nowhere/link")

    assert response.status_code == 303
    assert "/api/auth/error?" in response.headers["Location"]
