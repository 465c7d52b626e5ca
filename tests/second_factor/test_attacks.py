"""Attacks by a person who knows the first factor only, or a code that was used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import Cookie

from genkan.errors import TokenError
from genkan.http.cookies import RequestCookies
from genkan.second_factor.pending import LIFETIME, MAX_ATTEMPTS
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.email.mails import link, mails
from tests.second_factor.conftest import Enrolled
from tests.second_factor.steps import (
    ADDRESS,
    PASSWORD,
    SECOND,
    App,
    codes_in,
    enter,
    secret_in,
    sign_in,
    sign_up,
)

OTHER = "seven quiet rivers under snow"


def cookies_in(browser: Browser) -> dict[tuple[str, str, str], Cookie]:
    """Return the cookies of a browser."""
    cookies = browser.client._cookies
    assert cookies is not None
    return cookies


def waiting(app: Flask) -> Browser:
    """Return a browser that has proven the password."""
    browser = Browser(app)
    assert sign_in(browser) == SECOND
    return browser


def test_a_code_works_once(enrolled: Enrolled, app: Flask) -> None:
    """Also in another sign-in, and also that of an earlier period after a later one."""
    first, second = waiting(app), waiting(app)
    enrolled.app.clock.advance(60)
    code, earlier = enrolled.app.code(), enrolled.app.code(-1)
    assert enter(first, code).status_code == 303

    assert enter(second, code).status_code == 422
    assert enter(second, earlier).status_code == 422
    assert second.session() is None
    assert enter(second, enrolled.app.code(1)).status_code == 303


def test_codes_of_the_neighbouring_periods_work(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    clock.advance(300)
    for steps, status in ((-2, 422), (2, 422), (-1, 303), (1, 303)):
        assert enter(waiting(app), enrolled.app.code(steps)).status_code == status


def test_the_fifth_wrong_code_ends_the_sign_in(enrolled: Enrolled, app: Flask) -> None:
    browser = waiting(app)
    answers = [enter(browser, "000000") for _ in range(MAX_ATTEMPTS)]

    assert [answer.status_code for answer in answers] == [422] * (MAX_ATTEMPTS - 1) + [303]
    assert "reason=second-factor-ended" in answers[-1].headers["Location"]
    assert "error=Configuration&reason=expired" in enter(browser, enrolled.app.next_code()).headers["Location"]
    assert browser.session() is None


def enter_wrong(app: Flask, code: str) -> None:
    """Enter ten wrong codes, as a person who knows the password can."""
    for _ in range(2):
        browser = waiting(app)
        for _ in range(MAX_ATTEMPTS):
            enter(browser, code)


def test_ten_wrong_codes_lock_the_app_for_a_quarter_of_an_hour(
    enrolled: Enrolled, app: Flask, clock: FrozenClock
) -> None:
    enter_wrong(app, "000000")
    assert enter(waiting(app), enrolled.app.next_code()).status_code == 429

    clock.advance(901)
    browser = waiting(app)
    assert enter(browser, enrolled.app.next_code()).status_code == 303
    assert enter(waiting(app), "000000").status_code == 422


def test_a_recovery_code_lets_the_user_in_and_ends_the_lock(enrolled: Enrolled, app: Flask) -> None:
    """Otherwise a person who knows the password could keep the user out."""
    enter_wrong(app, "000000")
    locked = enter(waiting(app), enrolled.app.next_code())
    assert (locked.status_code, "a recovery code or a passkey" in locked.text) == (429, True)

    assert enter(waiting(app), enrolled.codes[0]).status_code == 303
    assert enter(waiting(app), enrolled.app.next_code()).status_code == 303


def test_ten_wrong_recovery_codes_lock_those_of_the_network_alone(enrolled: Enrolled, app: Flask) -> None:
    enter_wrong(app, "AAAAA-AAAAA")
    assert enter(waiting(app), enrolled.codes[0]).status_code == 429

    assert enter(waiting(app), enrolled.app.next_code()).status_code == 303
    browser = waiting(app)
    browser.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert enter(browser, enrolled.codes[0]).status_code == 303
    # A right code of another kind or network ends no lock of recovery codes.
    assert enter(waiting(app), enrolled.codes[1]).status_code == 429


def test_a_waiting_sign_in_ends_after_ten_minutes(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    browser = waiting(app)
    clock.advance(LIFETIME + 1)

    assert enter(browser, enrolled.app.code()).status_code == 303
    assert browser.session() is None


def test_the_code_needs_the_browser_with_the_first_factor(enrolled: Enrolled, app: Flask) -> None:
    waiting(app)
    other = Browser(app)

    assert "reason=expired" in enter(other, enrolled.app.next_code()).headers["Location"]
    assert other.session() is None


def test_a_waiting_sign_in_is_used_once(enrolled: Enrolled, app: Flask) -> None:
    """One of several parallel requests with different valid codes starts a session."""
    browser = waiting(app)
    token, cookies = browser.csrf_token(), cookies_in(browser)
    codes = [enrolled.app.next_code(), *enrolled.codes[:3]]

    def send(code: str) -> bool:
        other = Browser(app)
        other.client._cookies = dict(cookies)
        other.post("/account/second", data={"csrfToken": token, "code": code})
        return other.session() is not None

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, codes)) == [False, False, False, True]


def test_a_recovery_code_works_once(enrolled: Enrolled, app: Flask) -> None:
    code = enrolled.codes[0]
    assert enter(waiting(app), code.lower().replace("-", " ")).status_code == 303
    assert mails(app)[0].subject == "A recovery code was used for 127.0.0.1:5000"
    assert "Recovery codes left: 9." in mails(app)[0].text

    assert enter(waiting(app), code).status_code == 422
    assert "9 recovery codes are left" in enrolled.browser.get("/account/totp").text


def test_a_change_of_the_password_ends_waiting_sign_ins(enrolled: Enrolled, app: Flask) -> None:
    browser = waiting(app)
    enrolled.browser.submit("/account/password", current_password=PASSWORD, password=OTHER)

    assert "reason=expired" in enter(browser, enrolled.app.next_code()).headers["Location"]
    assert browser.session() is None


@pytest.mark.parametrize("path", ["/account/sessions/end-others", "revoke"])
def test_signing_out_everywhere_ends_waiting_sign_ins(
    enrolled: Enrolled, app: Flask, clock: FrozenClock, path: str
) -> None:
    """Also if the sessions are revoked by other ways than the account page."""
    browser = waiting(app)
    clock.advance(1)
    if path == "revoke":
        store = enrolled.browser.core.sessions.store
        store.revoke_user(str(enrolled.browser.session()["user"]["id"]))  # type: ignore[index]
    else:
        enrolled.browser.submit(path)

    assert "reason=expired" in enter(browser, enrolled.app.next_code()).headers["Location"]


def test_a_disabled_user_does_not_complete_the_sign_in(enrolled: Enrolled, app: Flask) -> None:
    browser = waiting(app)
    user = browser.core.adapter.get_user_by_email(ADDRESS)
    assert user is not None
    browser.core.adapter.update_user(user.id, disabled=True)
    enter(browser, enrolled.app.next_code())

    assert browser.session() is None


def test_the_first_factor_does_not_replace_the_second_one(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    """A waiting sign-in leads to enrolment only if there is nothing to replace."""
    browser = waiting(app)
    assert browser.get("/account/second/enrol").headers["Location"] == SECOND
    browser.submit("/account/second/enrol", code="000000")
    assert browser.get("/account/totp").status_code == 303
    for path in ("/account/totp", "/account/totp/off", "/account/totp/codes"):
        assert browser.submit(path, code=enrolled.app.code(1)).status_code == 303

    assert browser.session() is None
    assert enter(browser, enrolled.app.next_code()).status_code == 303


def test_a_secret_is_shown_to_the_session_that_asked_only(app: Flask) -> None:
    """Otherwise a person in another session of the user would know the secret that the user confirms."""
    browser, other = Browser(app), Browser(app)
    sign_up(browser, app)
    sign_in(other)
    first = secret_in(browser.get("/account/totp").text)
    assert secret_in(browser.get("/account/totp").text) == first
    second = secret_in(other.get("/account/totp").text)

    assert second != first
    clock = browser.core.clock
    assert isinstance(clock, FrozenClock)
    assert "reason=expired" in browser.submit("/account/totp", code=App(first, clock).code()).headers["Location"]


def test_all_cookies_in_the_place_of_all_others_are_no_session(enrolled: Enrolled, app: Flask) -> None:
    """No cookie of one purpose is accepted for another one (requirement T9)."""
    browser = waiting(app)
    browser.submit("/api/auth/signin/email", email=ADDRESS, callbackUrl="/dashboard")
    browser.begin_sign_in()
    names = browser.core.cookie_names
    values = {name: cookie.value for (_, _, name), cookie in cookies_in(browser).items()}
    values[names.session] = str(enrolled.browser.cookie(names.session))
    assert {names.second, names.email, names.csrf, names.known, names.session} <= values.keys()
    kinds = {*values, names.trusted, names.reset, names.sign_out}

    for kind in kinds:
        for name, value in values.items():
            other = Browser(app)
            other.client.set_cookie(kind, value, domain="127.0.0.1")
            has_session, waits = other.session() is not None, other.get("/account/second").status_code == 200
            assert (has_session, waits) == (name == kind == names.session, name == kind == names.second), (name, kind)


def test_rows_of_another_user_do_not_open(enrolled: Enrolled, app: Flask) -> None:
    """A secret and a waiting sign-in are bound to their user, also for a person who can write to the database."""
    core = enrolled.browser.core
    factor = core.second_factor
    assert factor is not None
    browser = waiting(app)
    hana = core.adapter.get_user_by_email(ADDRESS)
    assert hana is not None
    id_hash = factor.pending.id_hash(_cookies_of(browser))
    stored = factor.store.pending(id_hash or "")
    sealed = factor.store.totp(hana.id)
    assert stored is not None
    assert sealed is not None
    assert factor.pending.data(stored) is not None

    assert factor.pending.data(replace(stored, user_id="another")) is None
    assert enrolled.app.secret not in str(sealed.secret)
    assert factor.sealer.open(hana.id, str(sealed.secret)) == enrolled.app.secret
    with pytest.raises(TokenError):
        factor.sealer.open("another", str(sealed.secret))


def _cookies_of(browser: Browser) -> RequestCookies:
    pairs = ((name, cookie.value) for (_, _, name), cookie in cookies_in(browser).items())
    return RequestCookies("; ".join(f"{name}={value}" for name, value in pairs))


def test_what_was_planted_before_the_proof_of_the_address_is_removed(make_app: MakeApp, clock: FrozenClock) -> None:
    """Also a second factor (requirement K8)."""
    app = make_app(AUTH_PASSWORDS="on", AUTH_TOTP="on")
    planted, owner = Browser(app), Browser(app)
    planted.sign_in("Uma Unverified")
    core = planted.core
    user_id = str(planted.session()["user"]["id"])  # type: ignore[index]
    app_of_attacker = App(secret_in(planted.get("/account/totp").text), clock)
    assert codes_in(planted.submit("/account/totp", code=app_of_attacker.code()).text)
    assert core.second_factor is not None
    assert core.second_factor.is_on(user_id)
    with core.adapter._database.write() as session:
        session.execute(text("UPDATE users SET email = 'uma@example.com' WHERE id = :id"), {"id": user_id})

    owner.submit("/api/auth/signin/email", email="uma@example.com", callbackUrl="/dashboard")
    owner.get(link(mails(app)[0]))

    assert owner.session() is not None
    assert not core.second_factor.is_on(user_id)
