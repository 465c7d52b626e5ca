"""Users who need a second factor add one before the session starts."""

from __future__ import annotations

from genkan.adapters.passkeys import Passkey
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.passkeys.ceremonies import add_passkey
from tests.second_factor.steps import ADDRESS, ENROL, SECOND, App, codes_in, secret_in, sign_in, sign_up


def test_users_who_need_a_second_factor_enrol_before_the_session(make_app: MakeApp, clock: FrozenClock) -> None:
    """After a sign-up, after a password and after a provider, and again for each browser until it is done."""
    app = make_app(AUTH_PASSWORDS="on", AUTH_TOTP="on", AUTH_MFA_REQUIRED="all")
    browser, other, provider = Browser(app), Browser(app), Browser(app)
    assert sign_up(browser, app).headers["Location"] == ENROL
    assert provider.sign_in("Alex Admin").headers["Location"] == ENROL
    assert sign_in(other) == ENROL
    assert browser.get("/account/second").headers["Location"] == ENROL
    for each in (browser, other, provider):
        assert each.session() is None
        assert each.get("/account").status_code == 303

    authenticator = App(secret_in(browser.get("/account/second/enrol").text), clock)
    assert browser.submit("/account/second/enrol", code="000000").status_code == 422
    page = browser.submit("/account/second/enrol", code=authenticator.code())

    assert len(codes_in(page.text)) == 10
    assert 'href="http://127.0.0.1:5000' in page.text
    assert browser.session() is not None
    assert "reason=expired" in other.get("/account/second/enrol").headers["Location"]
    assert sign_in(other) == SECOND
    authenticator = App(secret_in(provider.get("/account/second/enrol").text), clock)
    assert codes_in(provider.submit("/account/second/enrol", code=authenticator.code()).text)
    assert provider.session() is not None


def test_a_role_needs_a_second_factor(make_app: MakeApp) -> None:
    app = make_app(AUTH_PASSWORDS="on", AUTH_TOTP="on", AUTH_MFA_REQUIRED="admin,editor")
    browser = Browser(app)
    sign_up(browser, app)
    user = browser.core.adapter.get_user_by_email(ADDRESS)
    assert browser.session() is not None
    assert user is not None
    browser.core.adapter.update_user(user.id, role="editor")

    assert sign_in(Browser(app)) == ENROL


def test_a_passkey_is_used_where_two_factors_are_needed(make_app: MakeApp) -> None:
    """The first factor alone does not add another second one beside it."""
    app = make_app(
        AUTH_URL="http://localhost:5000",
        AUTH_PASSWORDS="on",
        AUTH_PASSKEYS="on",
        AUTH_TOTP="on",
        AUTH_MFA_REQUIRED="all",
    )
    browser = Browser(app)
    assert sign_up(browser, app).headers["Location"].endswith("/account/second/enrol")
    user, passkeys = browser.core.adapter.get_user_by_email(ADDRESS), browser.core.passkeys
    assert user is not None
    assert passkeys is not None
    handle = passkeys.store.handle(user.id)
    assert passkeys.store.add(
        Passkey(
            credential_id="AAAA",
            user_id=user.id,
            handle=handle,
            public_key="AAAA",
            counter=0,
            device_type="singleDevice",
            backed_up=False,
        )
    )

    assert "reason=passkey-needed" in sign_in(Browser(app))


def test_enrolling_before_the_session_ends_the_other_sessions(make_app: MakeApp, clock: FrozenClock) -> None:
    app = make_app(AUTH_PASSWORDS="on", AUTH_TOTP="on", AUTH_MFA_REQUIRED="admin")
    earlier, browser = Browser(app), Browser(app)
    sign_up(earlier, app)
    user = browser.core.adapter.get_user_by_email(ADDRESS)
    assert user is not None
    browser.core.adapter.update_user(user.id, role="admin")
    assert sign_in(browser) == ENROL
    assert earlier.session() is not None

    code = App(secret_in(browser.get("/account/second/enrol").text), clock).code()
    assert browser.submit("/account/second/enrol", code=code).status_code == 200
    assert browser.session() is not None
    assert earlier.session() is None


def test_a_passkey_that_was_added_meanwhile_is_used_in_place_of_enrolling(
    make_app: MakeApp, clock: FrozenClock
) -> None:
    """A person with the first factor has opened the page for enrolling before the user added the passkey."""
    app = make_app(
        AUTH_URL="http://localhost:5000",
        AUTH_PASSWORDS="on",
        AUTH_PASSKEYS="on",
        AUTH_TOTP="on",
        AUTH_MFA_REQUIRED="editor",
    )
    browser, other = Browser(app), Browser(app)
    sign_up(browser, app)
    user = browser.core.adapter.get_user_by_email(ADDRESS)
    assert user is not None
    browser.core.adapter.update_user(user.id, role="editor")
    assert sign_in(other).endswith("/account/second/enrol")
    authenticator = App(secret_in(other.get("/account/second/enrol").text), clock)
    add_passkey(browser)

    for answer in (
        other.get("/account/second/enrol"),
        other.submit("/account/second/enrol", code=authenticator.code()),
    ):
        assert "reason=passkey-needed" in answer.headers["Location"]
    assert other.session() is None
    assert browser.session() is not None
