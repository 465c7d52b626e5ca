"""An application with users of its own, which `authorize` returns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from genkan import check
from tests.browser import Browser
from tests.extension.own_users.shops import LIBRARIES, Shop, make_shop
from tests.passwords.authorize.application import BOTH_STRATEGIES, CLIENT, sign_in, user_of


@pytest.fixture(name="shop")
def _shop(request: pytest.FixtureRequest, tmp_path: Path, settings: dict[str, Any]) -> Iterator[Shop]:
    library = getattr(request, "param", "flask-sqlalchemy")
    shop = make_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}", library=library, **settings)
    shop.app.config["SECRET_KEY"] = "tests-only-secret-that-protects-nothing-at-all"

    @shop.accounts.authorize
    def authorize(credentials: dict[str, Any]) -> Any:
        return shop.session.query(shop.User).filter_by(name=credentials["email"]).first()

    @shop.accounts.new_user
    def new_user(identity: Any) -> Any:
        raise AssertionError(identity)

    yield shop
    with shop.app.app_context():
        shop.session.remove()
        shop.engine().dispose()


def browser_of(shop: Shop) -> Browser:
    check(shop.app)
    return Browser(shop.app)


@BOTH_STRATEGIES
def test_the_applications_own_user_is_signed_in_and_linked_once(shop: Shop) -> None:
    id = shop.add_user(name="Ada", email="ada@example.org")
    browser, other = browser_of(shop), browser_of(shop)
    for each in (browser, other):
        assert sign_in(each, {"email": "Ada", "password": "x"}).status_code == 303
        assert shop.current_user_id(each) == str(id)
    assert user_of(browser)["id"] == str(id)
    assert len(shop.stored_ids()) == 1


def test_a_user_who_is_not_active_is_refused(shop: Shop) -> None:
    shop.add_user(name="Ada", is_active=False)
    browser = browser_of(shop)
    assert "error=AccessDenied" in sign_in(browser, {"email": "Ada", "password": "x"}, CLIENT).get_json()["url"]
    assert shop.stored_ids() == []
    shop.change(is_active=True)
    sign_in(browser, {"email": "Ada", "password": "x"})
    assert browser.session() is not None
    shop.change(is_active=False)
    assert "error=AccessDenied" in sign_in(browser, {"email": "Ada", "password": "x"}, CLIENT).get_json()["url"]


def test_a_user_whom_the_callback_refuses_is_not_linked(shop: Shop) -> None:
    shop.accounts.sign_in(lambda _: False)
    shop.add_user(name="Ada")
    browser = browser_of(shop)
    assert "error=AccessDenied" in sign_in(browser, {"email": "Ada", "password": "x"}, CLIENT).get_json()["url"]
    assert shop.stored_ids() == []


@pytest.mark.parametrize("shop", LIBRARIES, indirect=True)
def test_a_user_whom_the_check_creates_is_stored_with_ours(shop: Shop) -> None:
    shop.accounts.authorize(lambda credentials: shop.User(name=credentials["email"]))
    browser = browser_of(shop)
    sign_in(browser, {"email": "New", "password": "x"})
    assert [user.name for user in shop.users()] == ["New"]
    assert user_of(browser)["name"] == "New"


@pytest.mark.parametrize("shop", LIBRARIES, indirect=True)
def test_a_refused_row_leaves_nothing(shop: Shop) -> None:
    shop.accounts.authorize(lambda _: shop.User(name=None))
    browser = browser_of(shop)
    assert "error=AccessDenied" in sign_in(browser, {"email": "New", "password": "x"}, CLIENT).get_json()["url"]
    with shop.engine_context() as connection:
        assert connection.execute(text("SELECT count(*) FROM genkan_users")).scalar() == 0


def test_an_object_of_another_class_is_refused(shop: Shop) -> None:
    shop.accounts.authorize(lambda _: object())
    browser = browser_of(shop)
    assert "error=AccessDenied" in sign_in(browser, {"email": "New", "password": "x"}, CLIENT).get_json()["url"]
