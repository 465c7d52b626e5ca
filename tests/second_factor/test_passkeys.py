"""A passkey as the second factor of a sign-in that waits, and what a second factor protects about passkeys."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask

from genkan import fresh_login_required
from genkan.actions.email.change_address import UNDO_MARGIN
from genkan.second_factor.pending import MAX_ATTEMPTS
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.email.mails import link, mails
from tests.passkeys.authenticator import Authenticator
from tests.passkeys.ceremonies import OPTIONS, add_passkey, error_of, options, send, stored_id, url_of
from tests.passkeys.ceremonies import sign_in as sign_in_by_passkey
from tests.second_factor.conftest import Enrolled
from tests.second_factor.steps import ADDRESS, App, enrol, enter, sign_in, sign_up
from tests.second_factor.test_second_factor import claims

SECOND = "http://localhost:5000/account/second"
OTHER_ADDRESS = "aoi@example.com"


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_URL="http://localhost:5000", AUTH_PASSWORDS="on", AUTH_PASSKEYS="on", AUTH_TOTP="on")


@pytest.fixture(name="passkey")
def _passkey(enrolled: Enrolled) -> Authenticator:
    return add_passkey(enrolled.browser)


def waiting(app: Flask) -> Browser:
    """Return a browser that has proven the password."""
    browser = Browser(app)
    assert sign_in(browser) == SECOND
    return browser


def test_a_passkey_completes_a_sign_in_that_waits(passkey: Authenticator, app: Flask) -> None:
    browser = waiting(app)
    page = browser.get("/account/second").text
    assert 'data-passkey="authenticate"' in page
    assert f"{OPTIONS}?action=authenticate&purpose=second" in html.unescape(page)
    assert "passkey.js" in page

    credential = passkey.get(options(browser, purpose="second"))
    assert url_of(send(browser, "authenticate", credential, purpose="second")).endswith("/dashboard")
    assert claims(browser)["amr"] == ["pwd", "pop", "user", "mfa"]
    # The sign-in and the challenge are used up.
    assert error_of(send(browser, "authenticate", credential, purpose="second")) == "WebAuthnVerificationError"
    assert browser.get(OPTIONS, query_string={"action": "authenticate", "purpose": "second"}).status_code == 400


def test_wrong_codes_lock_no_passkey(passkey: Authenticator, app: Flask) -> None:
    for _ in range(2):
        browser = waiting(app)
        for _ in range(MAX_ATTEMPTS):
            enter(browser, "000000")
    browser = waiting(app)
    assert enter(browser, "000000").status_code == 429

    credential = passkey.get(options(browser, purpose="second"))
    assert error_of(send(browser, "authenticate", credential, purpose="second")) is None
    assert error_of(sign_in_by_passkey(Browser(app), passkey)) is None


def test_a_passkey_of_another_user_does_not_complete_it(passkey: Authenticator, app: Flask) -> None:
    other = Browser(app)
    sign_up(other, app, OTHER_ADDRESS)
    foreign = add_passkey(other)
    browser = waiting(app)

    refused = send(browser, "authenticate", foreign.get(options(browser, purpose="second")), purpose="second")
    assert error_of(refused) is not None
    assert browser.session() is None
    # The sign-in still waits.
    accepted = send(browser, "authenticate", passkey.get(options(browser, purpose="second")), purpose="second")
    assert error_of(accepted) is None


@pytest.mark.parametrize(("asked", "sent"), [("second", ""), ("", "second"), ("second", "fresh")])
def test_a_challenge_of_another_purpose_is_refused(passkey: Authenticator, app: Flask, asked: str, sent: str) -> None:
    browser = waiting(app)
    credential = passkey.get(options(browser, **({"purpose": asked} if asked else {})))
    response = send(browser, "authenticate", credential, **({"purpose": sent} if sent else {}))

    assert error_of(response) == "WebAuthnVerificationError"
    assert browser.session() is None


def test_without_a_sign_in_that_waits_there_is_no_challenge(passkey: Authenticator, app: Flask) -> None:
    browser = Browser(app)
    assert browser.get(OPTIONS, query_string={"action": "authenticate", "purpose": "second"}).status_code == 400
    credential = passkey.get(options(browser))
    assert error_of(send(browser, "authenticate", credential, purpose="second")) == "WebAuthnVerificationError"


def test_the_page_of_a_user_without_a_passkey_has_no_button_for_one(enrolled: Enrolled, app: Flask) -> None:
    assert "data-passkey" not in waiting(app).get("/account/second").text


def test_adding_and_removing_a_passkey_end_trust(enrolled: Enrolled, app: Flask) -> None:
    for change in ("add", "remove"):
        trusted = waiting(app)
        assert enter(trusted, enrolled.app.next_code(), trust="1").status_code == 303
        assert sign_in(trusted).endswith("/dashboard")
        if change == "add":
            passkey = add_passkey(enrolled.browser)
        else:
            enrolled.browser.submit("/account/passkeys/remove", id=stored_id(passkey.id))
        assert sign_in(trusted) == SECOND


def test_a_client_without_pages_manages_factors_by_json(app: Flask, clock: FrozenClock) -> None:
    browser, wants = Browser(app), {"Accept": "application/json"}
    sign_up(browser, app)
    enrolment = browser.get("/account/totp", headers=wants).get_json()
    assert enrolment["secret"] in enrolment["uri"]
    code_app = App(enrolment["secret"], clock)
    assert len(browser.submit("/account/totp", wants, code=code_app.code()).get_json()["recoveryCodes"]) == 10
    assert browser.get("/account/totp", headers=wants).get_json() == {"recoveryCodesLeft": 10}

    id = stored_id(add_passkey(browser).id)
    for path, fields in (("rename", {"name": "Key"}), ("remove", {})):
        [listed] = browser.get("/account/passkeys", headers=wants).get_json()["passkeys"]
        assert (listed["id"], listed["isSynced"]) == (id, True)
        changed = browser.submit(f"/account/passkeys/{path}", wants, id=id, **fields)
        assert changed.get_json()["url"].startswith("http://localhost:5000/account/passkeys?notice=")
    assert browser.submit("/account/passkeys/rename", wants, id=id).status_code == 422

    other = waiting(app)
    token = {"csrfToken": other.csrf_token(), "code": code_app.next_code(), "trust": True}
    assert other.post("/account/second", json=token).get_json() == {"url": "http://localhost:5000/dashboard"}
    assert sign_in(other).endswith("/dashboard")
    assert browser.submit("/account/totp/off", wants).get_json()["url"].endswith("notice=second-factor-off")


def one_factor(app: Flask, enrolled: Enrolled) -> Browser:
    """Return a browser in which the user has signed in at a provider, just now and with one factor."""
    browser = enrolled.browser
    linked = browser.choose(browser.submit("/account/accounts/development/link").headers["Location"])
    assert "notice=linked" in browser.get(linked).headers["Location"]
    other = Browser(app)
    other.sign_in()
    assert "mfa" not in claims(other).get("amr", [])
    return other


@pytest.mark.parametrize("path", ["passkeys/remove", "accounts/passkey/unlink", "accounts/development/unlink"])
def test_one_factor_removes_no_way_to_sign_in(
    enrolled: Enrolled, passkey: Authenticator, app: Flask, path: str
) -> None:
    browser = one_factor(app, enrolled)
    id = stored_id(passkey.id)

    refused = browser.submit(f"/account/{path}", id=id, account=id)
    assert "reason=fresh" in refused.headers["Location"]
    assert browser.core.passkeys is not None
    assert browser.core.passkeys.store.find(id) is not None


def test_a_passkey_is_not_unlinked_as_an_account(enrolled: Enrolled, passkey: Authenticator, app: Flask) -> None:
    """Its own page removes it, with a mail."""
    id = stored_id(passkey.id)
    assert enrolled.browser.submit("/account/accounts/passkey/unlink", account=id).status_code == 404


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_enrolling_ends_a_copy_of_the_session(make_app: MakeApp, clock: FrozenClock, strategy: str) -> None:
    """A thief of the cookie has no part in the level of the new session."""
    app = make_app(AUTH_PASSWORDS="on", AUTH_TOTP="on", AUTH_SESSION_STRATEGY=strategy)
    browser, thief = Browser(app), Browser(app)
    sign_up(browser, app)
    # A rule that spares this session alone must not end the one in its place.
    clock.advance(10)
    browser.submit("/account/sessions/end-others")
    clock.advance(10)
    name = browser.core.cookie_names.session
    thief.client.set_cookie(name, browser.cookie(name) or "", domain="127.0.0.1")
    assert thief.session() is not None
    enrol(browser, clock)

    clock.advance(2)
    assert "mfa" in claims(browser)["amr"]
    assert browser.get("/account").status_code == 200
    assert thief.session() is None
    token = claims(browser)
    (record,) = browser.core.sessions.store.list_active(token["sub"], int(clock()))
    assert (record.id, record.created) == (token["sid"], token["session_start"])


def test_what_began_before_the_second_factor_adds_no_way_to_sign_in(app: Flask, clock: FrozenClock) -> None:
    """Neither a passkey, an account nor an address, in the browser of a person who has one factor."""
    browser, other = Browser(app), Browser(app)
    sign_up(browser, app)
    linked = browser.choose(browser.submit("/account/accounts/development/link").headers["Location"])
    assert "notice=linked" in browser.get(linked).headers["Location"]
    other.sign_in()
    credential = Authenticator(other.origin).create(options(other, "register"))
    linking = other.submit("/account/accounts/development/link").headers["Location"]
    other.submit("/account/address", email="thief@example.com")
    address = fields_of(other, link(next(mail for mail in mails(app) if mail.to == "thief@example.com")))
    enrol(browser, clock)
    other.sign_in()

    answer = other.get(other.choose(linking, "Sam Sample"))
    assert "error=SessionRequired" in answer.headers["Location"]
    assert len(browser.core.adapter.list_accounts(claims(other)["sub"])) == 1
    assert error_of(send(other, "register", credential)) == "SessionRequired"
    answer = other.submit("/account/address/confirm", None, **address)
    assert "error=SessionRequired" in answer.headers["Location"]
    assert browser.core.passkeys is not None
    assert browser.core.passkeys.store.list(claims(other)["sub"]) == []


def test_a_counter_that_goes_back_sends_a_mail(app: Flask) -> None:
    browser, other = Browser(app), Browser(app)
    sign_up(browser, app)
    authenticator = add_passkey(browser, counter=5)

    assert error_of(send(other, "authenticate", authenticator.get(options(other), counter=4))) is not None
    mail = mails(app)[0]
    assert (mail.to, mail.subject) == (ADDRESS, "A passkey was refused for localhost:5000")
    assert "remove the passkey" in mail.text


def test_restoring_the_address_removes_what_was_added_since_or_just_before(app: Flask, clock: FrozenClock) -> None:
    """The person who changed the address may have added it."""
    browser, owner = Browser(app), Browser(app)
    sign_up(browser, app)
    first = add_passkey(browser)
    clock.advance(UNDO_MARGIN + 1)
    sign_in_by_passkey(browser, first)
    add_passkey(browser)
    clock.advance(100)
    browser.submit("/account/address", email="thief@example.com")
    old, new = mails(app)[:2]
    add_passkey(browser)
    browser.get(browser.choose(browser.submit("/account/accounts/development/link").headers["Location"]))
    enrol(browser, clock)
    browser.submit("/account/address/confirm", None, **fields_of(browser, link(new)))

    owner.submit("/account/address/undo", None, **fields_of(owner, link(old)))
    core = browser.core
    user = core.adapter.get_user_by_email(ADDRESS)
    assert user is not None
    assert core.passkeys is not None
    assert [found.credential_id for found in core.passkeys.store.list(user.id)] == [stored_id(first.id)]
    assert [account.provider for account in core.adapter.list_accounts(user.id)] == ["passkey"]
    assert core.second_factor is not None
    assert not core.second_factor.is_on(user.id)
    entries = core.sessions.store.list_activity(user.id, 3)
    assert {entry.kind for entry in entries} == {"passkey-removed", "unlinked", "second-factor-off"}


def fields_of(browser: Browser, url: str) -> dict[str, str]:
    """Return the fields of the form at the link of a mail."""
    return dict(re.findall(r'name="(token|user)" value="([^"]*)"', browser.get(url).text))


def test_a_view_for_two_factors_leads_a_user_with_a_passkey_to_it(app: Flask) -> None:
    @app.get("/payroll")
    @fresh_login_required(within=300, level="mfa")
    def payroll() -> str:
        return "open"

    browser = Browser(app)
    sign_up(browser, app)
    assert browser.get("/payroll").headers["Location"].endswith("/account/totp")
    authenticator = add_passkey(browser)

    assert "reason=fresh" in browser.get("/payroll").headers["Location"]
    send(browser, "authenticate", authenticator.get(options(browser, purpose="fresh")), purpose="fresh")
    assert browser.get("/payroll").text == "open"
