"""`Genkan(database=None)`: the cookie holds everything, and what needs a database is absent or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, Response

from genkan import access_token, check, fresh_login_required, link, testing
from genkan.adapters.stateless import user_id
from genkan.callbacks import SignInParams
from genkan.errors import ConfigurationError
from genkan.extension import Genkan
from genkan.types import User
from genkan.web.state import get_state
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.extension.conftest import MakeGuest, add_views
from tests.extension.test_first_use import browser_of

COOKIE = "authjs.session-token"
ACCOUNT = "/genkan/account"
HOUR, DAY = 3600, 24 * 3600


@pytest.fixture(name="stateless")
def _stateless(make_guest: MakeGuest, clock: FrozenClock) -> Flask:
    return make_guest(database=None, clock=clock)


@pytest.fixture(name="browser")
def _browser(stateless: Flask) -> Browser:
    browser = browser_of(stateless)
    browser.sign_in()
    return browser


def shown_user(browser: Browser) -> dict[str, object]:
    user = browser.get("/private").get_json()["user"]
    assert isinstance(user, dict)
    return user


def test_a_user_signs_in_and_out_and_no_database_is_created(stateless: Flask) -> None:
    browser = browser_of(stateless)
    assert browser.sign_in(callback_url="/private").headers["Location"] == "http://localhost/private"
    user = shown_user(browser)
    assert (user["name"], user["email"], user["role"]) == ("Hana Example", "hana@example.com", "user")
    browser.sign_out()
    assert browser.cookie(COOKIE) is None
    assert browser.get("/greeting").text == "Hello stranger"
    assert {path.name for path in Path(stateless.instance_path).iterdir()} == {".gitignore", "genkan.secret"}


def test_the_id_of_a_user_is_the_same_at_each_sign_in_and_in_each_process(
    browser: Browser, make_guest: MakeGuest
) -> None:
    other = browser_of(make_guest(database=None))
    other.sign_in()
    assert shown_user(other)["id"] == shown_user(browser)["id"]
    other.sign_in("Alex Admin")
    assert shown_user(other)["id"] != shown_user(browser)["id"]


def test_the_id_follows_from_provider_and_subject() -> None:
    """A constant: with any other result, the users of running applications would become strangers."""
    assert user_id("github", "583231") == "ee341eba-919c-5321-baf1-268193df506e"
    assert len({user_id(*account) for account in (("github", "1"), ("google", "1"), ("github", "11"))}) == 3


def test_a_session_lasts_although_no_user_is_stored(browser: Browser, clock: FrozenClock) -> None:
    id = shown_user(browser)["id"]
    for seconds in (59, 61, HOUR, DAY, 20 * DAY, 29 * DAY):
        clock.advance(seconds)
        assert shown_user(browser)["id"] == id
    clock.advance(31 * DAY)
    assert browser.session() is None


def test_a_session_ends_at_the_absolute_limit(browser: Browser, clock: FrozenClock) -> None:
    for _ in range(4):
        clock.advance(20 * DAY)
        assert browser.session() is not None
    clock.advance(11 * DAY)
    assert browser.session() is None


def test_a_second_process_reads_the_session(browser: Browser, make_guest: MakeGuest, clock: FrozenClock) -> None:
    other = browser_of(make_guest(database=None, clock=clock))
    other.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "")
    assert other.session() == browser.session()


def test_the_sign_in_callback_gets_the_profile_with_the_id(make_guest: MakeGuest) -> None:
    accounts, seen = Genkan(database=None), []
    app = Flask("guest", root_path=make_guest().root_path)
    app.testing = True

    @accounts.sign_in
    def sign_in(params: SignInParams) -> bool:
        seen.append(params.user)
        return params.user.email == "hana@example.com"

    accounts.init_app(app)
    add_views(app)
    browser = browser_of(app)
    browser.sign_in()
    assert shown_user(browser)["id"] == seen[0].id
    refused = browser_of(app)
    refused.sign_in("Alex Admin")
    assert refused.session() is None


def attempts(browsers: list[Browser], url: str) -> list[bool]:
    """Send the same callback with the same cookies by each browser. Return who is signed in then."""
    cookies = [(cookie.key, cookie.value) for cookie in (browsers[0].client._cookies or {}).values()]
    for browser in browsers:
        for name, value in cookies:
            browser.client.set_cookie(name, value)
        assert browser.get(url).status_code == 302
    return [browser.cookie(COOKIE) is not None for browser in browsers]


def test_a_flow_is_used_once_in_a_process(stateless: Flask) -> None:
    browsers = [browser_of(stateless) for _ in range(3)]
    url = browsers[0].choose(browsers[0].begin_sign_in().headers["Location"])
    assert attempts(browsers, url) == [True, False, False]


def test_a_flow_is_used_once_by_all_workers_that_share_a_redis(make_guest: MakeGuest, redis_url: str) -> None:
    browsers = [browser_of(make_guest(database=None, GENKAN_REDIS_URL=redis_url)) for _ in range(2)]
    url = browsers[0].choose(browsers[0].begin_sign_in().headers["Location"])
    assert attempts(browsers, url) == [True, False]


def test_a_view_that_needs_a_recent_authentication(stateless: Flask, clock: FrozenClock) -> None:
    """Every provider is offered, as no table says which one the user has an account at."""
    stateless.add_url_rule("/secret", "secret", fresh_login_required(within=300)(lambda: "secret"))
    browser = browser_of(stateless)
    browser.sign_in()
    assert browser.get("/secret").text == "secret"
    clock.advance(HOUR)
    page = browser.get("/secret").headers["Location"]
    assert "Development" in browser.get(page).text

    def confirm(name: str) -> None:
        started = browser.submit("/api/auth/signin/development", callbackUrl="/secret", purpose="fresh")
        browser.get(browser.choose(started.headers["Location"], name))

    confirm("Alex Admin")
    assert browser.get("/secret").status_code == 303
    assert shown_user(browser)["name"] == "Hana Example"
    confirm("Hana Example")
    assert browser.get("/secret").text == "secret"


def test_the_account_page_has_the_profile_only(browser: Browser) -> None:
    page = browser.get(ACCOUNT).text
    assert "hana@example.com" in page
    assert "this site stores nothing about you" in page
    assert f"{ACCOUNT}/" not in page.replace(f"{ACCOUNT}/partials/facts", "")
    assert 'action="/api/auth/signout"' in page
    assert "hana@example.com" in browser.get(f"{ACCOUNT}/partials/facts").text


@pytest.mark.parametrize("path", ["partials/sessions", "partials/activity", "delete"])
def test_other_pages_of_the_account_are_absent(browser: Browser, path: str) -> None:
    assert browser.get(f"{ACCOUNT}/{path}").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["name", "sessions/x/end", "sessions/end-others", "accounts/github/link", "accounts/github/unlink", "delete"],
)
def test_forms_of_the_account_are_absent(browser: Browser, path: str) -> None:
    assert browser.submit(f"{ACCOUNT}/{path}", name="Ada").status_code == 404


def test_back_channel_logout_is_absent(browser: Browser) -> None:
    path = "/api/auth/backchannel-logout/development"
    assert browser.post(path, data={"logout_token": "a.b.c"}).status_code == 404


@pytest.mark.parametrize("function", [link, access_token])
def test_functions_that_need_a_database_say_so(stateless: Flask, browser: Browser, function: object) -> None:
    def view() -> Response:
        return function("development")  # type: ignore[operator,no-any-return]

    with stateless.test_request_context(method="POST"), pytest.raises(ConfigurationError, match="needs a database"):
        view()


def test_methods_that_need_a_database_say_so(stateless: Flask) -> None:
    accounts = Genkan()
    with stateless.app_context():
        for method in (accounts.refresh, accounts.forget):
            with pytest.raises(ConfigurationError, match="needs a database"):
                method("user")


def test_the_role_is_that_of_the_sign_in(stateless: Flask, clock: FrozenClock) -> None:
    accounts, app = Genkan(database=None, clock=clock), Flask("guest", root_path=stateless.root_path)
    app.testing = True

    @accounts.role
    def role(user: User) -> str:
        return "admin" if user.email == "hana@example.com" else "user"

    accounts.init_app(app)
    add_views(app)
    browser = browser_of(app)
    browser.sign_in()
    for _ in range(3):
        assert browser.get("/admin").text == "admin"
        clock.advance(2 * DAY)


@pytest.mark.parametrize("command", [["users", "list"], ["sessions", "end", "--everyone"], ["upgrade"]])
def test_commands_that_need_a_database_say_so(stateless: Flask, command: list[str]) -> None:
    result = stateless.test_cli_runner().invoke(args=["genkan", *command])
    assert result.exit_code == 1
    sentence = "Error: Genkan(database=None): there is no database, so this command has nothing to work on."
    assert result.output.strip() == sentence


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"AUTH_SESSION_STRATEGY": "database"}, "AUTH_SESSION_STRATEGY is database, but"),
        ({"AUTH_DEVELOPMENT_SIGN_OUT": "provider"}, "AUTH_DEVELOPMENT_SIGN_OUT is provider, which needs"),
    ],
)
def test_settings_that_need_a_database_are_refused(
    make_guest: MakeGuest, variables: dict[str, str], sentence: str
) -> None:
    app = make_guest(database=None, **variables)
    with pytest.raises(ConfigurationError, match=sentence):
        check(app)


def test_a_url_as_keyword_is_the_database(make_guest: MakeGuest, tmp_path: Path) -> None:
    browser_of(make_guest({"GENKAN_DATABASE_URL": "nonsense"}, database=f"sqlite:///{tmp_path}/shop.db")).sign_in()
    assert (tmp_path / "shop.db").exists()
    with pytest.raises(ConfigurationError, match=r"Genkan\(database=…\)"):
        make_guest(database=5)


@pytest.mark.parametrize("database", [None, "sqlite://"])
def test_only_one_database_can_be_named(make_guest: MakeGuest, database: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"Genkan\(database=…, engine=…\): each names a database"):
        make_guest(database=database, engine=object())


def test_test_users_sign_in(stateless: Flask) -> None:
    browser_of(stateless)
    client = stateless.test_client()
    user = testing.sign_in(stateless, client, email="ada@example.com", role="admin")
    assert client.get("/admin").text == "admin"
    assert client.get("/private").get_json()["user"]["id"] == user.id
    with pytest.raises(ConfigurationError, match="no session can be revoked"):
        testing.sign_in(stateless, client, ended=True)


def test_strict_works_too(make_guest: MakeGuest) -> None:
    app = make_guest(database=None, strict=True)
    browser = browser_of(app)
    assert browser.get("/greeting").status_code == 303
    browser.sign_in()
    assert browser.get("/greeting").text == "Hello Hana Example"
    assert get_state(app).core.is_stateless
