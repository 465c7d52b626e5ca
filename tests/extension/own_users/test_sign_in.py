"""The first sign-in creates the application's own user, and later ones find it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.extension.own_users.shops import KEYS, LIBRARIES, Shop

MakeShop = Callable[..., Shop]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("key", KEYS)
def test_the_first_sign_in_creates_a_user_of_the_application(make: MakeShop, library: str, key: str) -> None:
    shop = make(library=library, key=key)
    browser = shop.browser()
    browser.sign_in()
    [user] = shop.users()
    assert (user.name, user.email) == ("Hana Example", "hana@example.com")
    session = browser.session()
    assert session is not None
    assert session["user"]["id"] == str(user.id)
    browser.sign_out()
    browser.sign_in()
    assert [again.id for again in shop.users()] == [user.id]
