"""A second factor in an application with users of its own, in SQLite and PostgreSQL, with both session strategies."""

from __future__ import annotations

from typing import Any

import pytest

from genkan.types import Identity
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.email.mails import code, mails
from tests.extension.own_users.conftest import MakeShop
from tests.second_factor.steps import ADDRESS, PASSWORD, App, codes_in, secret_in

ACCOUNT = "/genkan/account"


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_users_whose_role_needs_it_enrol_and_sign_in_with_codes(
    make: MakeShop, clock: FrozenClock, strategy: str
) -> None:
    shop = make(
        AUTH_PASSWORDS="on",
        AUTH_DEVELOPMENT_PROVIDER="on",
        AUTH_TOTP="on",
        AUTH_MFA_REQUIRED="staff",
        AUTH_SESSION_STRATEGY=strategy,
    )

    @shop.accounts.new_user
    def new_user(identity: Identity) -> Any:
        return shop.User(name=str(identity.email), email=identity.email, email_confirmed=True)

    @shop.accounts.role
    def role(user: Any) -> str:
        return "staff" if user.email == ADDRESS else "user"

    shop.app.test_client().get("/api/auth/csrf")
    browser, other = Browser(shop.app), Browser(shop.app)
    other.submit("/api/auth/signin/email", email="ada@example.com")
    other.submit("/api/auth/callback/email", code=code(mails(shop.app)[0]))
    assert other.session() is not None

    browser.submit(f"{ACCOUNT}/sign-up", email=ADDRESS, password=PASSWORD)
    response = browser.submit("/api/auth/callback/email", code=code(mails(shop.app)[0]))
    assert response.headers["Location"].endswith(f"{ACCOUNT}/second/enrol")
    assert browser.session() is None
    app = App(secret_in(browser.get(f"{ACCOUNT}/second/enrol").text), clock)
    codes = codes_in(browser.submit(f"{ACCOUNT}/second/enrol", code=app.code()).text)
    assert len(codes) == 10
    assert browser.session() is not None

    again = Browser(shop.app)
    again.submit("/api/auth/callback/credentials", email=ADDRESS, password=PASSWORD)
    assert again.session() is None
    again.submit(f"{ACCOUNT}/second", code=app.next_code())
    assert again.session()["user"]["id"] == browser.session()["user"]["id"]  # type: ignore[index]
    again = Browser(shop.app)
    again.submit("/api/auth/callback/credentials", email=ADDRESS, password=PASSWORD)
    answer = again.post(
        f"{ACCOUNT}/second",
        json={"code": codes[0], "csrfToken": again.csrf_token()},
        headers={"Accept": "application/json"},
    )
    assert answer.get_json() == {"url": "http://127.0.0.1:5000"}
    assert again.session() is not None
