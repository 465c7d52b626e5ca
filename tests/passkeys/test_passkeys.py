"""Passkeys in the reference application: add, sign in, confirm the identity, rename and remove."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import text

from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.email.mails import mails
from tests.passkeys.authenticator import UP, UV, b64url
from tests.passkeys.ceremonies import (
    CALLBACK,
    OPTIONS,
    add_passkey,
    error_of,
    options,
    send,
    sign_in,
    stored_id,
    url_of,
)

ORIGIN = "http://localhost:8000"


@pytest.fixture(name="app")
def _app(make_app: MakeApp, request: pytest.FixtureRequest) -> Flask:
    strategy = getattr(request, "param", "jwt")
    return make_app(AUTH_URL=ORIGIN, AUTH_PASSKEYS="on", AUTH_SESSION_STRATEGY=strategy)


@pytest.fixture(name="browser")
def _browser(app: Flask) -> Browser:
    browser = Browser(app)
    browser.sign_in()
    return browser


@pytest.mark.parametrize("app", ["jwt", "database"], indirect=True)
def test_a_user_adds_a_passkey_and_signs_in_with_it(browser: Browser, app: Flask, clock: FrozenClock) -> None:
    authenticator = add_passkey(browser)
    clock.advance(3600)
    other = Browser(app)

    assert url_of(sign_in(other, authenticator)) == f"{ORIGIN}/dashboard"
    assert other.session()["user"] == browser.session()["user"]  # type: ignore[index]
    assert len(authenticator.handle) == 43
    page = other.get("/account/passkeys").get_data(as_text=True)
    assert "Synced between your devices." in page
    assert "Last used" in page
    # The passkey counts as authentication now.
    assert 'data-passkey="register"' in page


def test_the_options_are_those_of_authjs(browser: Browser) -> None:
    created, used = options(browser, "register"), options(browser)

    assert created["rp"] == {"name": "localhost:8000", "id": "localhost"}
    assert created["user"]["name"] == "hana@example.com"
    assert [known["alg"] for known in created["pubKeyCredParams"]] == [-8, -7, -257]
    assert created["attestation"] == "none"
    assert created["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert used.keys() == {"challenge", "timeout", "userVerification", "rpId"}
    assert len(used["challenge"]) == 43


def test_providers_announces_passkeys(browser: Browser) -> None:
    assert browser.get("/api/auth/providers").get_json()["passkey"] == {
        "id": "passkey",
        "name": "Passkey",
        "type": "webauthn",
        "signinUrl": f"{ORIGIN}/api/auth/signin/passkey",
        "callbackUrl": f"{ORIGIN}/api/auth/callback/passkey",
    }


def test_the_action_is_inferred_only_where_a_client_can_but_sign_in(browser: Browser, app: Flask) -> None:
    assert Browser(app).get(OPTIONS).get_json()["action"] == "authenticate"
    # `signIn("passkey", { purpose: "fresh" })` of next-auth/webauthn names no action.
    assert browser.get(f"{OPTIONS}?purpose=fresh").get_json()["action"] == "authenticate"
    for client, query in (
        (browser, ""),
        (browser, "?action=x"),
        (browser, "?purpose=x"),
        (Browser(app), "?action=register&email=a@example.com"),
    ):
        response = client.get(OPTIONS + query)
        assert (response.status_code, response.get_json()) == (400, {"error": "Invalid request"})
    assert browser.get("/api/auth/webauthn-options/github").status_code == 404


def test_a_passkey_is_added_after_a_recent_authentication_only(browser: Browser, clock: FrozenClock) -> None:
    clock.advance(301)

    response = browser.get(OPTIONS + "?action=register")
    assert (response.status_code, response.get_json()["reason"]) == (401, "fresh")
    page = browser.get("/account/passkeys").get_data(as_text=True)
    assert 'data-passkey="register"' not in page
    assert "reason=fresh" in browser.get("/account/passkeys/add").headers["Location"]


def test_a_second_passkey_has_the_same_handle_and_excludes_the_first(browser: Browser) -> None:
    first = add_passkey(browser)
    offered = options(browser, "register")
    second = add_passkey(browser)

    assert [known["id"] for known in offered["excludeCredentials"]] == [b64url(first.id)]
    assert first.handle == second.handle


def test_a_change_is_in_the_activity_and_in_a_mail(browser: Browser, app: Flask) -> None:
    authenticator = add_passkey(browser)
    assert mails(app)[0].subject == "A passkey was added to your account at localhost:8000"
    removed = browser.submit("/account/passkeys/remove", id=stored_id(authenticator.id))

    assert removed.headers["Location"] == "/account/passkeys?notice=removed"
    assert mails(app)[0].subject == "A passkey was removed from your account at localhost:8000"
    page = browser.get("/account").get_data(as_text=True)
    assert "Added a passkey" in page
    assert "Removed a passkey" in page


def test_an_address_that_is_not_proven_gets_no_mail(browser: Browser, app: Flask) -> None:
    """It may be another person's. A row of another application may have one."""
    with browser.core.adapter._database.write() as session:
        session.execute(text("""UPDATE users SET "emailVerified" = NULL"""))
    authenticator = add_passkey(browser)
    browser.submit("/account/passkeys/remove", id=stored_id(authenticator.id))

    assert mails(app) == []


def test_a_removed_passkey_is_unknown(browser: Browser, app: Flask) -> None:
    authenticator = add_passkey(browser)
    browser.submit("/account/passkeys/remove", id=stored_id(authenticator.id))
    other = Browser(app)

    assert error_of(sign_in(other, authenticator)) == "Configuration"
    assert other.session() is None
    # The page of ours tells the browser which one it is.
    page = other.submit(CALLBACK, action="authenticate", data=json.dumps(authenticator.get(options(other))))
    assert page.status_code == 403
    assert f'data-unknown-passkey="{b64url(authenticator.id)}"' in page.get_data(as_text=True)


def test_a_passkey_is_renamed(browser: Browser) -> None:
    authenticator = add_passkey(browser)
    id = stored_id(authenticator.id)

    assert browser.submit("/account/passkeys/rename", id=id, name="Blue key").status_code == 303
    assert 'value="Blue key"' in browser.get("/account/passkeys").get_data(as_text=True)
    assert browser.submit("/account/passkeys/rename", id=id, name=" ").status_code == 422
    assert browser.submit("/account/passkeys/rename", id="AAAA", name="x").status_code == 404


def test_another_user_s_passkey_is_neither_renamed_nor_removed(browser: Browser, app: Flask) -> None:
    id = stored_id(add_passkey(browser).id)
    other = Browser(app)
    other.sign_in("Sam Sample")

    assert other.submit("/account/passkeys/rename", id=id, name="Mine").status_code == 404
    assert other.submit("/account/passkeys/remove", id=id).status_code == 404
    assert "Mine" not in browser.get("/account/passkeys").get_data(as_text=True)


def test_a_known_passkey_is_not_added_again(browser: Browser, app: Flask) -> None:
    authenticator = add_passkey(browser)
    assert error_of(send(browser, "register", authenticator.create(options(browser, "register")))) is not None
    other = Browser(app)
    other.sign_in("Sam Sample")
    assert error_of(send(other, "register", authenticator.create(options(other, "register")))) is not None

    assert browser.session()["user"] != other.session()["user"]  # type: ignore[index]
    authenticator.handle = b""
    third = Browser(app)
    sign_in(third, authenticator)
    assert third.session() is None


class TestStepUp:
    def test_a_passkey_confirms_the_identity(self, browser: Browser, clock: FrozenClock) -> None:
        authenticator = add_passkey(browser)
        clock.advance(301)
        assert "reason=fresh" in browser.get("/account/passkeys/add").headers["Location"]

        page = browser.get("/api/auth/signin?reason=fresh").get_data(as_text=True)
        assert 'data-passkey="authenticate"' in page
        assert "purpose=fresh" in page
        assert error_of(sign_in(browser, authenticator, fresh=True)) is None
        assert 'data-passkey="register"' in browser.get("/account/passkeys/add").get_data(as_text=True)

    def test_another_user_s_passkey_changes_nothing(self, browser: Browser, app: Flask, clock: FrozenClock) -> None:
        other = Browser(app)
        other.sign_in("Sam Sample")
        authenticator = add_passkey(other, counter=1)
        clock.advance(301)
        before = browser.session()

        assert error_of(sign_in(browser, authenticator, fresh=True, counter=2)) == "AccessDenied"
        assert browser.session()["user"] == before["user"]  # type: ignore[index]
        assert "reason=fresh" in browser.get("/account/passkeys/add").headers["Location"]
        # Nor did the counter of that passkey change.
        assert error_of(sign_in(Browser(app), authenticator, counter=2)) is None

    def test_a_challenge_is_for_one_purpose(self, browser: Browser) -> None:
        authenticator = add_passkey(browser)
        for asked, fields in (({}, {"purpose": "fresh"}), ({"purpose": "fresh"}, {})):
            credential = authenticator.get(options(browser, **asked))
            assert error_of(send(browser, "authenticate", credential, **fields)) == "WebAuthnVerificationError"
        credential = authenticator.get(options(browser, "register"))
        assert error_of(send(browser, "authenticate", credential)) == "WebAuthnVerificationError"

    def test_the_page_offers_a_passkey_only_to_a_user_who_has_one(self, browser: Browser) -> None:
        page = browser.get("/api/auth/signin?reason=fresh").get_data(as_text=True)
        assert 'data-passkey="authenticate"' not in page


def test_the_last_way_to_sign_in_is_not_removed(browser: Browser, app: Flask) -> None:
    authenticator = add_passkey(browser, flags=UP | UV)
    core, session = app.extensions["genkan"].core, browser.session()
    user = core.adapter.get_user(session["user"]["id"])  # type: ignore[index]
    account = next(found for found in core.adapter.list_accounts(user.id) if found.provider == "development")
    core.adapter.update_user(user.id, email="")
    assert (
        browser.submit("/account/accounts/development/unlink", account=account.provider_account_id).status_code == 303
    )

    refused = browser.submit("/account/passkeys/remove", id=stored_id(authenticator.id))

    assert refused.status_code == 409
    page = refused.get_data(as_text=True)
    assert "only way to sign in" in page
    assert "Only on this device." in page
    assert error_of(sign_in(Browser(app), authenticator)) is None


def test_of_two_removals_at_the_same_time_one_leaves_a_way_in(browser: Browser, app: Flask) -> None:
    """A passkey is removed and the only other account unlinked."""
    authenticator = add_passkey(browser)
    core, session = browser.core, browser.session()
    user_id = session["user"]["id"]  # type: ignore[index]
    core.adapter.update_user(user_id, email="")
    account = next(found for found in core.adapter.list_accounts(user_id) if found.provider == "development")
    token, cookies = browser.csrf_token(), browser.client._cookies
    forms = {
        "/account/passkeys/remove": {"id": stored_id(authenticator.id)},
        "/account/accounts/development/unlink": {"account": account.provider_account_id},
    }

    def send_form(path: str) -> int:
        other = Browser(app)
        other.client._cookies = dict(cookies or {})
        return other.post(path, data={"csrfToken": token, **forms[path]}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send_form, forms)) == [303, 409]
    assert len(core.adapter.list_accounts(user_id)) == 1


def test_htmx_gets_the_list(browser: Browser) -> None:
    id = stored_id(add_passkey(browser).id)
    headers = {"HX-Request": "true"}

    renamed = browser.submit("/account/passkeys/rename", headers, id=id, name="Blue key").get_data(as_text=True)
    assert renamed.startswith("<section")
    assert "The name has been changed." in renamed
    removed = browser.submit("/account/passkeys/remove", headers, id=id).get_data(as_text=True)
    assert "You have none yet." in removed


def test_a_disabled_user_is_refused(browser: Browser, app: Flask) -> None:
    authenticator = add_passkey(browser)
    core, session = app.extensions["genkan"].core, browser.session()
    core.adapter.update_user(session["user"]["id"], disabled=True)  # type: ignore[index]

    assert error_of(sign_in(Browser(app), authenticator)) == "AccessDenied"


def test_a_deleted_user_takes_the_passkeys_along(browser: Browser, app: Flask) -> None:
    authenticator = add_passkey(browser)
    browser.submit("/account/delete")

    assert error_of(sign_in(Browser(app), authenticator)) == "Configuration"
