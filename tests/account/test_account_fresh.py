"""What can't be undone, or is a way in, is for somebody who proved lately that it is them (S12, O10)."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.account.test_account import VOICES, sid, text, user_id, visitor
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp
from tests.provider_client import provider_env
from tests.servers.faulty.provider import FaultyProvider

CAREFUL = ("/account/delete", "/account/accounts/oidc/unlink", "/account/accounts/oidc/link")

HEADERS = {"Referer": f"{ORIGIN}/account"}


@pytest.fixture(name="app")
def _app(make_app: MakeApp, op: FaultyProvider) -> Flask:
    """A house with two ways in."""
    return make_app(**provider_env(op))


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    return visitor(app)


def link(browser: Browser, op: FaultyProvider, sub: str = "hana-at-op", **headers: str) -> TestResponse:
    """Press "Link" and consent at the provider; the answer to the callback."""
    begun = browser.submit("/account/accounts/oidc/link", headers=headers)
    way = begun.headers.get("HX-Redirect") or begun.headers["Location"]
    return browser.get(op.authorize(way, {"sub": sub, "name": "Somebody Else", "email": "else@example.org"}))


def providers(browser: Browser) -> list[str]:
    return [account.provider for account in browser.options.adapter.list_accounts(user_id(browser))]


@pytest.mark.parametrize("path", CAREFUL)
@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_somebody_who_signed_in_a_while_ago_is_asked_to_confirm_that_it_is_them(
    clock: FrozenClock, hana: Browser, op: FaultyProvider, path: str, voice: dict[str, str]
) -> None:
    link(hana, op)
    clock.advance(301)
    answer = hana.submit(path, headers={**HEADERS, **voice}, account="hana-at-op")

    if voice:
        assert answer.status_code == 401
        assert answer.headers["HX-Redirect"] == "/api/auth/signin?callbackUrl=%2Fdashboard&reason=fresh"
    else:
        assert answer.status_code == 303
        assert answer.headers["Location"] == "/api/auth/signin?callbackUrl=%2Faccount&reason=fresh"
    assert providers(hana) == ["development", "oidc"]


def test_the_question_before_a_deletion_is_for_somebody_fresh_too(clock: FrozenClock, hana: Browser) -> None:
    assert hana.get("/account/delete").status_code == 200
    clock.advance(301)
    answer = hana.get("/account/delete")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/api/auth/signin?callbackUrl=%2Faccount%2Fdelete&reason=fresh"
    assert hana.get("/account").status_code == 200


def test_somebody_who_has_confirmed_it_may_go_on(clock: FrozenClock, hana: Browser) -> None:
    clock.advance(301)
    page = hana.get(hana.get("/account/delete").headers["Location"]).text
    assert "/api/auth/signin/development" in page
    assert '<input type="hidden" name="purpose" value="fresh">' in page
    begun = hana.submit("/api/auth/signin/development", callbackUrl="/account/delete", purpose="fresh")
    back = hana.get(hana.choose(begun.headers["Location"]))

    assert back.headers["Location"] == f"{ORIGIN}/account/delete"
    assert hana.submit("/account/delete").headers["Location"] == f"{ORIGIN}/?account=deleted"


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_another_account_is_linked_and_lets_the_same_person_in(
    app: Flask, hana: Browser, op: FaultyProvider, voice: dict[str, str]
) -> None:
    session = sid(hana)
    answer = link(hana, op, **voice)

    assert answer.headers["Location"] == f"{ORIGIN}/account?notice=linked"
    said = text(hana.get("/account?notice=linked"))
    assert "Linked. You can sign in with it from now on." in said
    assert f"Linked {hana.options.providers['oidc'].name} " in said
    assert sid(hana) == session
    assert (hana.session() or {})["user"]["name"] == "Hana Example"
    other = Browser(app)
    begun = other.begin_sign_in("/dashboard", "oidc").headers["Location"]
    other.get(op.authorize(begun, {"sub": "hana-at-op"}))
    assert user_id(other) == user_id(hana)


def test_what_was_linked_can_be_unlinked_and_the_first_one_instead(hana: Browser, op: FaultyProvider) -> None:
    link(hana, op)
    [first] = [way for way in hana.options.adapter.list_accounts(user_id(hana)) if way.provider == "development"]
    assert hana.submit("/account/accounts/oidc/unlink", account="hana-at-op").status_code == 303
    assert providers(hana) == ["development"]
    link(hana, op)
    unlinked = hana.submit("/account/accounts/development/unlink", account=first.provider_account_id)

    assert unlinked.status_code == 303
    assert providers(hana) == ["oidc"]
    assert hana.submit("/account/accounts/oidc/unlink", account="hana-at-op").status_code == 409


def test_the_page_lets_its_forms_lead_to_providers_and_the_others_do_not(hana: Browser, op: FaultyProvider) -> None:
    def policy(path: str) -> str:
        return hana.get(path).headers["Content-Security-Policy"]

    assert "form-action" not in policy("/account")
    assert policy("/account/delete").endswith("; form-action 'self'")


def test_a_provider_that_is_not_there_can_not_be_linked(hana: Browser) -> None:
    answer = hana.submit("/account/accounts/nowhere/link")

    assert answer.status_code == 303
    assert "/api/auth/error?" in answer.headers["Location"]
