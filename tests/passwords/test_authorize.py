"""An application that checks credentials itself, with Auth.js's `authorize` callback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from genkan import CredentialsSignin, Genkan, SignInParams, User, check
from genkan.errors import AdapterError, ConfigurationError
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.extension.own_users.shops import LIBRARIES, Shop, make_shop

PASSWORD = "the password of the old application"
RIGHT = {"email": "ada@example.org", "password": PASSWORD}
WRONG = {**RIGHT, "password": "wrong"}
CLIENT = {"X-Auth-Return-Redirect": "1"}
ADA: dict[str, object] = {"id": 7, "name": "Ada", "email": "ada@example.org", "image": "https://a.example/ada.png"}

Answer = Callable[[dict[str, Any]], Any]


class WrongToken(CredentialsSignin):
    """Refusal with a code of the application."""

    code = "wrong-token"


BOTH_STRATEGIES = pytest.mark.parametrize("settings", ["jwt", "database"], indirect=True)


@pytest.fixture(name="settings")
def _settings(request: pytest.FixtureRequest, clock: FrozenClock) -> dict[str, Any]:
    """Return settings without mail and without providers."""
    return {
        "AUTH_DEVELOPMENT_PROVIDER": "off",
        "AUTH_SESSION_STRATEGY": getattr(request, "param", "jwt"),
        "AUTH_URL": "http://127.0.0.1:5000",
        "clock": clock,
    }


class Application:
    """An application that returns what a test says."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.app = Flask("guest", root_path=str(folder), instance_path=str(folder / "instance"))
        self.app.testing = True
        self.accounts = Genkan(self.app, **settings)
        self.accounts.authorize(self.authorize)
        self.calls: list[dict[str, Any]] = []
        self.answer: Answer = lambda credentials: ADA if credentials["password"] == PASSWORD else None

    def authorize(self, credentials: dict[str, Any]) -> Any:
        """Check the credentials, as the application does."""
        self.calls.append(credentials)
        return self.answer(credentials)

    def browser(self) -> Browser:
        """Return a new browser."""
        check(self.app)
        return Browser(self.app)


@pytest.fixture(name="guest")
def _guest(tmp_path: Path, settings: dict[str, Any]) -> Application:
    return Application(tmp_path, settings)


def sign_in(browser: Browser, fields: Mapping[str, str], headers: dict[str, str] | None = None) -> TestResponse:
    return browser.submit("/api/auth/callback/credentials", headers, **{"callbackUrl": "/", **fields})


def user_of(browser: Browser) -> dict[str, Any]:
    session = browser.session()
    assert session is not None
    user: dict[str, Any] = session["user"]
    return user


@BOTH_STRATEGIES
def test_the_application_signs_its_user_in(guest: Application) -> None:
    browsers = guest.browser(), guest.browser()
    for browser in browsers:
        response = sign_in(browser, RIGHT, CLIENT)
        assert (response.status_code, response.get_json()) == (200, {"url": "http://127.0.0.1:5000/"})
    users = [user_of(browser) for browser in browsers]
    assert users[0] == users[1]
    assert (users[0]["name"], users[0]["image"], users[0]["role"]) == ("Ada", "https://a.example/ada.png", "user")
    assert guest.calls[0] == {**RIGHT, "callbackUrl": "/"}
    assert browsers[0].get("/genkan/account").status_code == 200


def test_without_a_user_the_code_is_that_of_auth_js(guest: Application) -> None:
    browser = guest.browser()
    assert sign_in(browser, WRONG, CLIENT).get_json() == {
        "url": "http://127.0.0.1:5000/api/auth/signin?error=CredentialsSignin&code=credentials"
    }
    assert browser.session() is None
    page = sign_in(browser, WRONG)
    assert page.status_code == 401
    assert "Check both and try again." in page.text


def test_the_application_may_refuse_with_a_code(guest: Application) -> None:
    def answer(credentials: dict[str, Any]) -> None:
        raise WrongToken

    guest.answer = answer
    browser = guest.browser()
    location = sign_in(browser, RIGHT, CLIENT).get_json()["url"]
    assert location == "http://127.0.0.1:5000/api/auth/signin?error=CredentialsSignin&code=wrong-token"
    assert browser.get(location).status_code == 401


@pytest.mark.parametrize("returned", ["ada", {"name": "Ada"}, {"id": ""}, object(), User("unknown")])
def test_what_is_no_user_is_refused(guest: Application, returned: object) -> None:
    guest.answer = lambda _: returned
    browser = guest.browser()
    assert "error=AccessDenied" in sign_in(browser, RIGHT, CLIENT).get_json()["url"]
    assert browser.session() is None


def test_a_failure_of_the_application_is_no_wrong_password(
    guest: Application, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(credentials: dict[str, Any]) -> None:
        raise LookupError(credentials["password"])

    guest.answer = answer
    browser = guest.browser()
    assert sign_in(browser, RIGHT, CLIENT).get_json()["url"].endswith("/error?error=Configuration")
    assert PASSWORD not in caplog.text


def test_a_stored_user_is_signed_in(guest: Application) -> None:
    browser = guest.browser()
    sign_in(browser, RIGHT)
    stored = user_of(browser)
    guest.answer = lambda _: User(stored["id"], name="Another name")
    other = guest.browser()
    sign_in(other, RIGHT)
    assert user_of(other) == stored


def test_an_address_is_the_users_only_if_the_application_has_verified_it(guest: Application) -> None:
    browser = guest.browser()
    sign_in(browser, RIGHT)
    assert user_of(browser)["email"] is None
    guest.answer = lambda _: {**ADA, "id": "other", "email_verified": True}
    other = guest.browser()
    sign_in(other, RIGHT)
    assert user_of(other)["email"] == "ada@example.org"


@BOTH_STRATEGIES
def test_the_role_follows_the_application(guest: Application) -> None:
    roles = ["editor", "admin"]
    guest.answer = lambda _: {**ADA, "role": role}
    for role in roles:
        browser = guest.browser()
        sign_in(browser, RIGHT)
        assert user_of(browser)["role"] == role


def test_the_sixth_wrong_password_is_not_checked(guest: Application, clock: FrozenClock) -> None:
    browser = guest.browser()
    for _ in range(5):
        sign_in(browser, WRONG, CLIENT)
    for email in ("ada@example.org", " ADA@example.org", "ada@example.org"):
        answer = sign_in(browser, {**RIGHT, "email": email}, CLIENT).get_json()["url"]
        assert "error=CredentialsSignin&code=credentials&reason=throttled" in answer
    assert len(guest.calls) == 5
    page = sign_in(browser, RIGHT)
    assert page.status_code == 429
    assert "e-mail" not in page.text.lower().split("</h1>")[1].split("<form")[0]
    clock.advance(60)
    sign_in(browser, RIGHT, CLIENT)
    assert browser.session() is not None


def test_a_failed_store_of_the_application_does_not_count(guest: Application) -> None:
    def answer(credentials: dict[str, Any]) -> None:
        raise AdapterError

    guest.answer = answer
    browser = guest.browser()
    for _ in range(7):
        assert "reason=storage" in sign_in(browser, WRONG, CLIENT).get_json()["url"]
    assert len(guest.calls) == 7


def test_the_sign_in_callback_gets_the_credentials(guest: Application) -> None:
    seen: list[SignInParams] = []

    @guest.accounts.sign_in
    def may_sign_in(params: SignInParams) -> bool:
        seen.append(params)
        return False

    browser = guest.browser()
    assert "error=AccessDenied" in sign_in(browser, RIGHT, CLIENT).get_json()["url"]
    assert seen[0].credentials == {**RIGHT, "callbackUrl": "/"}
    assert (seen[0].account.type, seen[0].account.provider_account_id) == ("credentials", "7")
    assert PASSWORD not in repr(seen)


def test_the_sign_in_page_and_the_providers_show_this_way_only(guest: Application) -> None:
    browser = guest.browser()
    assert browser.get("/api/auth/providers").get_json() == {
        "credentials": {
            "id": "credentials",
            "name": "Password",
            "type": "credentials",
            "signinUrl": "http://127.0.0.1:5000/api/auth/signin/credentials",
            "callbackUrl": "http://127.0.0.1:5000/api/auth/callback/credentials",
        }
    }
    page = browser.get("/api/auth/signin").text
    assert 'name="email" type="email"' in page
    assert 'name="password" type="password"' in page
    assert "/reset" not in page
    assert "/sign-up" not in page
    assert "/signin/email" not in page
    assert browser.get("/genkan/account/reset").status_code == 404


def test_the_fields_can_have_other_names(tmp_path: Path, settings: dict[str, Any]) -> None:
    guest = Application(tmp_path, {**settings, "credentials_fields": ("user_name", "pin")})
    guest.answer = lambda fields: ADA if (fields["user_name"], fields["pin"]) == ("ada", "1234") else None
    browser = guest.browser()
    page = browser.get("/api/auth/signin").text
    assert 'name="user_name" type="text"' in page
    assert "User name</label>" in page
    assert 'name="pin" type="password"' in page
    for _ in range(6):
        refused = sign_in(browser, {"user_name": "bob", "pin": "1"})
    assert refused.status_code == 429
    sign_in(browser, {"user_name": "ada", "pin": "1234"})
    assert user_of(browser)["name"] == "Ada"


@pytest.mark.parametrize("fields", [("email",), ("a", "a"), ("csrfToken", "b"), ("a b", "c"), "ab", (1, 2)])
def test_invalid_names_of_fields_are_refused(fields: object) -> None:
    with pytest.raises(ConfigurationError, match="credentials_fields"):
        Genkan(Flask("guest"), credentials_fields=fields)


def test_two_checks_of_passwords_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    guest = Application(tmp_path, {**settings, "AUTH_PASSWORDS": "on", "send_mail": lambda _: None})
    with pytest.raises(ConfigurationError, match=r"@accounts\.authorize"):
        check(guest.app)


def test_another_user_does_not_confirm_the_identity(guest: Application) -> None:
    browser = guest.browser()
    sign_in(browser, RIGHT)
    before = user_of(browser)
    guest.answer = lambda _: {"id": "other", "name": "Bob"}
    assert "another-person" in sign_in(browser, {**RIGHT, "purpose": "fresh"}, CLIENT).get_json()["url"]
    assert user_of(browser) == before


class TestWithoutADatabase:
    """`Genkan(database=None)`, and `pages=False`."""

    def test_the_cookie_holds_the_user(self, tmp_path: Path, settings: dict[str, Any]) -> None:
        guest = Application(tmp_path, {**settings, "database": None})
        guest.answer = lambda credentials: (
            User("7", name="Ada", role="admin") if credentials["password"] == PASSWORD else None
        )
        browsers = guest.browser(), guest.browser()
        for browser in browsers:
            sign_in(browser, RIGHT)
        users = [user_of(browser) for browser in browsers]
        assert users[0] == users[1]
        assert (users[0]["name"], users[0]["role"]) == ("Ada", "admin")

    def test_each_worker_limits_wrong_passwords(
        self, tmp_path: Path, settings: dict[str, Any], clock: FrozenClock
    ) -> None:
        guest = Application(tmp_path, {**settings, "database": None})
        browser = guest.browser()
        for _ in range(6):
            sign_in(browser, WRONG)
        assert len(guest.calls) == 5
        clock.advance(2)
        sign_in(browser, WRONG)
        clock.advance(2)
        assert sign_in(browser, RIGHT).status_code == 429
        clock.advance(2)
        assert sign_in(browser, RIGHT).status_code == 303

    def test_an_application_without_pages_answers_auth_js_clients(
        self, tmp_path: Path, settings: dict[str, Any]
    ) -> None:
        guest = Application(tmp_path, {**settings, "pages": False})
        browser = guest.browser()
        refused = sign_in(browser, WRONG, CLIENT)
        assert (refused.status_code, refused.get_json()) == (
            200,
            {"url": "http://127.0.0.1:5000/api/auth/signin?error=CredentialsSignin&code=credentials"},
        )
        assert sign_in(browser, WRONG).status_code == 401
        assert sign_in(browser, RIGHT, CLIENT).get_json() == {"url": "http://127.0.0.1:5000/"}
        assert browser.session() is not None


class TestOwnUsers:
    """The application returns an object of its own class."""

    @pytest.fixture(name="shop")
    def _shop(self, request: pytest.FixtureRequest, tmp_path: Path, settings: dict[str, Any]) -> Iterator[Shop]:
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

    @staticmethod
    def browser(shop: Shop) -> Browser:
        check(shop.app)
        return Browser(shop.app)

    @BOTH_STRATEGIES
    def test_the_applications_own_user_is_signed_in_and_linked_once(self, shop: Shop) -> None:
        id = shop.add_user(name="Ada", email="ada@example.org")
        browser, other = self.browser(shop), self.browser(shop)
        for each in (browser, other):
            assert sign_in(each, {"email": "Ada", "password": "x"}).status_code == 303
            assert shop.current_user_id(each) == str(id)
        assert user_of(browser)["id"] == str(id)
        assert len(shop.stored_ids()) == 1

    def test_a_user_who_is_not_active_is_refused(self, shop: Shop) -> None:
        shop.add_user(name="Ada", is_active=False)
        browser = self.browser(shop)
        assert "error=AccessDenied" in sign_in(browser, {"email": "Ada", "password": "x"}, CLIENT).get_json()["url"]
        assert shop.stored_ids() == []
        shop.change(is_active=True)
        sign_in(browser, {"email": "Ada", "password": "x"})
        assert browser.session() is not None
        shop.change(is_active=False)
        assert "error=AccessDenied" in sign_in(browser, {"email": "Ada", "password": "x"}, CLIENT).get_json()["url"]

    def test_a_user_whom_the_callback_refuses_is_not_linked(self, shop: Shop) -> None:
        shop.accounts.sign_in(lambda _: False)
        shop.add_user(name="Ada")
        browser = self.browser(shop)
        assert "error=AccessDenied" in sign_in(browser, {"email": "Ada", "password": "x"}, CLIENT).get_json()["url"]
        assert shop.stored_ids() == []

    @pytest.mark.parametrize("shop", LIBRARIES, indirect=True)
    def test_a_user_whom_the_check_creates_is_stored_with_ours(self, shop: Shop) -> None:
        shop.accounts.authorize(lambda credentials: shop.User(name=credentials["email"]))
        browser = self.browser(shop)
        sign_in(browser, {"email": "New", "password": "x"})
        assert [user.name for user in shop.users()] == ["New"]
        assert user_of(browser)["name"] == "New"

    @pytest.mark.parametrize("shop", LIBRARIES, indirect=True)
    def test_a_refused_row_leaves_nothing(self, shop: Shop) -> None:
        shop.accounts.authorize(lambda _: shop.User(name=None))
        browser = self.browser(shop)
        assert "error=AccessDenied" in sign_in(browser, {"email": "New", "password": "x"}, CLIENT).get_json()["url"]
        with shop.engine_context() as connection:
            assert connection.execute(text("SELECT count(*) FROM genkan_users")).scalar() == 0

    def test_an_object_of_another_class_is_refused(self, shop: Shop) -> None:
        shop.accounts.authorize(lambda _: object())
        browser = self.browser(shop)
        assert "error=AccessDenied" in sign_in(browser, {"email": "New", "password": "x"}, CLIENT).get_json()["url"]
