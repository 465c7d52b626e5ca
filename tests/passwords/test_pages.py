"""The pages of mail and passwords: fields, errors beside them, statuses, and the way that was used last."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan import Genkan
from genkan.password.hasher import MAX_CONCURRENT, PasswordHasher
from tests.browser import HTMX, Browser
from tests.conftest import MakeApp
from tests.databases import SECRET
from tests.email.mails import link, mails
from tests.passwords.test_passwords import ADDRESS, OTHER, PASSWORD, sign_in, sign_up

SIGN_IN = "/api/auth/signin"
CREDENTIALS = "/api/auth/callback/credentials"
LAST_USED = "authjs.last-used"
GITHUB = {"AUTH_GITHUB_ID": "for-show", "AUTH_GITHUB_SECRET": "for-show"}


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_PASSWORDS="on", **GITHUB)


@pytest.fixture(name="signed_up")
def _signed_up(browser: Browser, app: Flask) -> Browser:
    """Return the browser of a user with address and password."""
    sign_up(browser, app)
    return browser


def field(response: TestResponse, id: str) -> str:
    """Return the tag of the input with this id. Empty if there is none."""
    found = re.search(rf'<input id="{id}"[^>]*>', response.text)
    return found[0] if found else ""


def is_refused(response: TestResponse, id: str) -> bool:
    """Return True if the field refers to the error of the page, which must be there."""
    assert 'id="form-error"' in response.text
    return 'aria-invalid="true" aria-describedby="form-error' in field(response, id)


def test_fields_have_the_attributes_that_password_managers_need(signed_up: Browser, app: Flask) -> None:
    other = Browser(app)
    other.submit("/account/reset", email=ADDRESS)
    other.get(link(mails(app)[0]))
    expected = {
        (other, SIGN_IN): {"email": "username webauthn", "password": "current-password"},
        (other, "/account/sign-up"): {"email": "username", "password": "new-password"},
        (other, "/account/reset"): {"email": "username"},
        (other, "/account/reset/new"): {"email": "username", "password": "new-password"},
        (signed_up, "/account/password"): {
            "email": "username",
            "current-password": "current-password",
            "password": "new-password",
        },
    }
    for (browser, path), fields in expected.items():
        page = browser.get(path)
        for id, value in fields.items():
            assert f'autocomplete="{value}"' in field(page, id), (path, id)
            assert f'<label for="{id}">' in page.text
            is_new = value == "new-password"
            assert ('passwordrules="minlength: 15; maxlength: 128;"' in field(page, id)) == is_new
    other.submit("/api/auth/signin/email", email=ADDRESS)
    code = field(other.get("/api/auth/verify-request"), "code")
    assert 'inputmode="numeric" autocomplete="one-time-code"' in code


def test_a_wrong_password_is_reported_beside_both_fields(signed_up: Browser, app: Flask) -> None:
    page = Browser(app).submit(CREDENTIALS, email=ADDRESS, password=OTHER)

    assert page.status_code == 401
    assert is_refused(page, "email")
    assert is_refused(page, "password")
    assert "autofocus" in field(page, "password")
    assert f'value="{ADDRESS}"' in field(page, "email")
    assert OTHER not in page.text


def test_no_password_is_asked_for_again(browser: Browser) -> None:
    page = browser.submit(CREDENTIALS, email=ADDRESS, password="")

    assert page.status_code == 422
    assert "Please type your password" in page.text
    assert is_refused(page, "password")


def test_htmx_gets_the_page_of_an_error_with_status_200_and_a_redirect_else(signed_up: Browser, app: Flask) -> None:
    other = Browser(app)
    page = other.submit(CREDENTIALS, HTMX, email=ADDRESS, password=OTHER)
    assert (page.status_code, is_refused(page, "password")) == (200, True)
    page = other.submit("/account/sign-up", HTMX, email=ADDRESS, password="short")
    assert (page.status_code, is_refused(page, "password"), is_refused(page, "email")) == (200, True, False)
    page = other.submit("/account/reset", HTMX, email="hana")
    assert (page.status_code, is_refused(page, "email")) == (200, True)
    page = signed_up.submit("/account/password", HTMX, current_password=OTHER, password=PASSWORD)
    assert (page.status_code, is_refused(page, "current-password"), is_refused(page, "password")) == (200, True, False)

    answer = other.submit("/api/auth/signin/email", HTMX, email=ADDRESS)
    assert (answer.status_code, answer.headers["HX-Redirect"][-22:]) == (204, "?provider=email&type=email"[-22:])
    page = other.submit("/api/auth/callback/email", HTMX, code="12")
    assert (page.status_code, is_refused(page, "code")) == (200, True)
    answer = other.submit(CREDENTIALS, HTMX, email=ADDRESS, password=PASSWORD, callbackUrl="/dashboard")
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "http://127.0.0.1:5000/dashboard")


def test_too_many_attempts_are_429(signed_up: Browser, app: Flask) -> None:
    other = Browser(app)
    statuses = {sign_in(other, OTHER)[0] for _ in range(8)}

    assert statuses == {401, 429}
    assert "A link by e-mail works at once." in other.submit(CREDENTIALS, email=ADDRESS, password=OTHER).text


def test_a_busy_server_shows_the_form_again(signed_up: Browser, app: Flask) -> None:
    hasher: PasswordHasher = app.extensions["genkan"].core.passwords.hasher
    hasher._max_wait = 0.01
    with ExitStack() as slots:
        for _ in range(MAX_CONCURRENT):
            slots.enter_context(hasher._slot())
        pages = [Browser(app).submit(path, email=ADDRESS, password=OTHER) for path in (CREDENTIALS, "/account/sign-up")]
        for client in ({"headers": {"X-Auth-Return-Redirect": "1"}}, {"json": "true"}):
            response = Browser(app).submit(CREDENTIALS, email=ADDRESS, password=OTHER, **client)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
            assert response.get_json()["url"].endswith("/error?error=Configuration&reason=busy")

    for page in pages:
        assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
        assert "Too many sign-ins at once" in page.text
        assert f'value="{ADDRESS}"' in field(page, "email")


def test_a_fresh_sign_in_offers_what_the_user_has(signed_up: Browser, app: Flask) -> None:
    page = signed_up.get(f"{SIGN_IN}?reason=fresh")
    assert f'value="{ADDRESS}"' in field(page, "email")
    assert "readonly" in field(page, "email")
    assert field(page, "password")
    assert "E-mail me a link" in page.text
    assert "Sign in with" not in page.text  # no provider is linked
    assert "Sign up" not in page.text

    other = Browser(app)
    other.sign_in("Alex Admin")
    page = other.get(f"{SIGN_IN}?reason=fresh")
    assert "readonly" in field(page, "email")
    assert not field(page, "password")
    assert "Sign in with Development" in page.text
    assert "Sign in with GitHub" not in page.text


def test_the_way_that_was_used_last_is_marked(signed_up: Browser, app: Flask) -> None:
    def marked() -> list[str]:
        return re.findall(r"([\w-]+(?: [\w-]+)*) <span class=\"tag\">", other.get(SIGN_IN).text)

    other = Browser(app)
    assert marked() == []
    other.sign_in("Alex Admin")
    assert (other.cookie(LAST_USED), marked()) == ("development", ["Sign in with Development"])
    other.sign_out()
    assert marked() == ["Sign in with Development"]
    cookie = other.submit(CREDENTIALS, email=ADDRESS, password=PASSWORD).headers.getlist("Set-Cookie")
    (header,) = (value for value in cookie if value.startswith(f"{LAST_USED}="))
    assert header.startswith(f"{LAST_USED}=credentials; Max-Age=31536000; Path=/; Expires=")
    assert header.endswith("; HttpOnly; SameSite=Lax")
    assert marked() == ["Sign in"]
    other.submit("/api/auth/signin/email", email=ADDRESS)
    other.get(link(mails(app)[0]))
    assert marked() == ["E-mail me a link"]


@pytest.mark.parametrize("value", ["", "google", "<b>", "development,github", "credentials\u00e9"])
def test_another_value_of_the_cookie_marks_nothing(browser: Browser, value: str) -> None:
    browser.client.set_cookie(LAST_USED, value, domain="127.0.0.1")

    assert "Last used" not in browser.get(SIGN_IN).text


def test_the_provider_that_was_used_last_is_not_behind_more(make_app: MakeApp) -> None:
    names = ("GOOGLE", "GITHUB", "SLACK", "DISCORD", "SPOTIFY", "TWITCH", "LINKEDIN")
    app = make_app(**{f"AUTH_{name}_{part}": "for-show" for name in names for part in ("ID", "SECRET")})
    browser = Browser(app)
    before, _, more = browser.get(SIGN_IN).text.partition("<summary>More</summary>")
    assert (before.count("Sign in with "), more.count("Sign in with ")) == (6, 2)
    assert "Sign in with Development" in more

    browser.client.set_cookie(LAST_USED, "development", domain="127.0.0.1")
    before, _, more = browser.get(SIGN_IN).text.partition("<summary>More</summary>")
    assert before.index("Sign in with Development") < before.index("Sign in with G")
    assert (before.count("Sign in with "), more.count("Sign in with ")) == (6, 2)


def test_there_is_no_cookie_of_the_last_way_without_a_choice(tmp_path: Path) -> None:
    app = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path))
    app.debug = True
    Genkan(app, database=None)
    browser = Browser(app, "http://127.0.0.1:5000")
    browser.sign_in()

    assert browser.session() is not None
    assert browser.cookie(LAST_USED) is None


def test_the_page_that_deletes_an_account_names_address_and_password(signed_up: Browser) -> None:
    page = signed_up.get("/account/delete")

    assert page.status_code == 200
    assert f"your address, <b>{ADDRESS}</b>, and your password" in page.text
    assert "the links to" not in page.text


def test_changes_are_in_the_activity(signed_up: Browser) -> None:
    signed_up.submit("/account/password", current_password=PASSWORD, password=OTHER)
    page = signed_up.get("/account?notice=password-changed").text

    assert "Your password has been changed" in page
    assert "Changed the password on" in page
    assert "Signed in with a password on" in page
    assert "Signed in with a link by e-mail on" in page


def test_a_mail_has_its_link_in_full_and_nothing_that_was_typed(browser: Browser, app: Flask) -> None:
    browser.submit("/account/sign-up", email=ADDRESS, password="<b>three green lanterns</b>", name="<b>Mallory</b>")
    (mail,) = mails(app)

    assert "lanterns" not in mail.text + mail.html
    assert "Mallory" not in mail.text + mail.html
    assert f">{link(mail).replace('&', '&amp;')}</a>" in mail.html
    assert "127.0.0.1:5000" in mail.subject
    assert "<style" not in mail.html
    assert "<img" not in mail.html
    assert 'name="color-scheme" content="light dark"' in mail.html


def test_a_refused_address_is_kept_in_a_field_of_another_name(tmp_path: Path) -> None:
    app = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    sent: list[object] = []
    settings = {"AUTH_URL": "http://127.0.0.1:5000", "AUTH_SECRET": SECRET, "AUTH_PASSWORDS": "on", **GITHUB}
    Genkan(app, send_mail=sent.append, credentials_fields=("login", "pin"), **settings)
    page = Browser(app).submit(f"{SIGN_IN}/email", login="hana@", pin="")
    assert page.status_code == 422
    assert 'value="hana@"' in field(page, "email")
