"""Interoperability with Auth.js: each side decodes the session cookies of the other and reports the same user."""

from __future__ import annotations

import re
import time

import pytest
from flask import Flask

from genkan.crypto.sealer import Sealer
from genkan.errors import TokenError
from genkan.settings.environment import ROOT
from tests.browser import Browser
from tests.conftest import MakeApp
from tests.tokens.authjs_jwt import AuthJs, AuthJsError

SECRET = "tests-only-secret-that-protects-nothing-at-all"
SALTS = ("authjs.session-token", "__Secure-authjs.session-token")
CLAIMS: dict[str, object] = {
    "name": "Zoë “the cat” Příkladová 🐈",
    "email": "zoe@example.org",
    "picture": None,
    "sub": "42",
    "role": "admin",
    "nested": {"list": [1, -2.5, True, None, {"deep": "ünï"}]},
}
STAMPS = {"iat", "exp", "jti"}


@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("secrets", [[SECRET], ["a-newer-one-" * 4, SECRET]], ids=["one-secret", "two-secrets"])
def test_authjs_decodes_a_token_sealed_by_genkan(authjs: AuthJs, secrets: list[str], salt: str) -> None:
    sealed = Sealer(secrets, salt, time.time).seal(CLAIMS, 3600)
    opened = authjs.decode(sealed, secrets if len(secrets) > 1 else secrets[0], salt)

    assert {name: value for name, value in opened.items() if name not in STAMPS} == CLAIMS


@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("secrets", [[SECRET], [SECRET, "an-older-one-" * 4]], ids=["one-secret", "two-secrets"])
def test_genkan_opens_a_token_sealed_by_authjs(authjs: AuthJs, secrets: list[str], salt: str) -> None:
    sealed = authjs.encode(CLAIMS, secrets if len(secrets) > 1 else secrets[0], salt)
    opened = Sealer(secrets, salt, time.time).open(sealed)

    assert {name: value for name, value in opened.items() if name not in STAMPS} == CLAIMS


def test_tokens_stay_readable_on_both_sides_during_a_secret_rotation(authjs: AuthJs) -> None:
    """The new secret comes first and the old one second."""
    salt, rotated = SALTS[0], ["the-new-secret-" * 3, SECRET]

    assert Sealer(rotated, salt, time.time).open(authjs.encode(CLAIMS, SECRET, salt))["sub"] == "42"
    assert authjs.decode(Sealer([SECRET], salt, time.time).seal(CLAIMS, 3600), rotated, salt)["sub"] == "42"


def test_a_token_is_refused_with_another_secret_or_cookie_name(authjs: AuthJs) -> None:
    sealer = Sealer([SECRET], SALTS[0], time.time)
    with pytest.raises(AuthJsError):
        authjs.decode(sealer.seal(CLAIMS, 3600), SECRET, SALTS[1])
    with pytest.raises(AuthJsError):
        authjs.decode(sealer.seal(CLAIMS, 3600), "another-secret-" * 3, SALTS[0])
    with pytest.raises(TokenError):
        sealer.open(authjs.encode(CLAIMS, SECRET, SALTS[1]))


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app()


def test_a_session_created_by_a_nextjs_front_end_is_accepted(authjs: AuthJs, browser: Browser, app: Flask) -> None:
    """The user has no row in the database, so the profile comes from the claims. The long cookie arrives in chunks."""
    browser.core.clock.now = time.time()
    long = authjs.encode({**CLAIMS, "filler": "x" * 9000}, SECRET, SALTS[0])
    for index in range(0, len(long), 3936):
        browser.client.set_cookie(f"{SALTS[0]}.{index // 3936}", long[index : index + 3936], domain="127.0.0.1")

    session = browser.session()
    assert session is not None
    assert session["user"] == {
        "name": CLAIMS["name"],
        "email": "zoe@example.org",
        "image": None,
        "id": "42",
        "role": "admin",
    }
    assert browser.get("/api/user/profile").get_json() == session["user"]
    assert "Welcome, Zoë" in browser.get("/dashboard").get_data(as_text=True)


def test_authjs_decodes_the_cookie_of_a_user_signed_in_here(authjs: AuthJs, browser: Browser) -> None:
    browser.core.clock.now = time.time()
    browser.sign_in()
    claims = authjs.decode(browser.cookie(SALTS[0]) or "", SECRET, SALTS[0])

    assert (claims["name"], claims["email"], claims["role"]) == ("Hana Example", "hana@example.com", "user")
    assert claims["sub"] == (browser.session() or {})["user"]["id"]


def test_unknown_claims_of_a_nextjs_front_end_survive_an_extension(authjs: AuthJs, browser: Browser) -> None:
    """The cookie is sealed again after a day and keeps the claims that Genkan does not know."""
    browser.core.clock.now = time.time()
    browser.client.set_cookie(SALTS[0], authjs.encode(CLAIMS, SECRET, SALTS[0]), domain="127.0.0.1")
    before = browser.cookie(SALTS[0])
    browser.core.clock.advance(24 * 3600 + 1)
    browser.get("/dashboard")
    after = browser.cookie(SALTS[0])

    assert after != before
    assert {**authjs.decode(after or "", SECRET, SALTS[0]), **CLAIMS} == authjs.decode(after or "", SECRET, SALTS[0])


@pytest.mark.parametrize("with_callback", [True, False])
def test_a_rule_reaches_a_token_of_a_nextjs_front_end_that_keeps_the_start(
    authjs: AuthJs, browser: Browser, with_callback: bool
) -> None:
    """Auth.js sets `iat` and `jti` anew at each reading, and the callback of the documentation adds `session_start`."""
    document = (ROOT / "docs/explanation/life-of-a-session.md").read_text()
    (snippet,) = re.findall(r"```ts\nexport const callbacks = (.*?)```", document, re.DOTALL)
    options, now = f"callbacks: {snippet}" if with_callback else "", int(time.time())

    def read(token: str, seconds: int) -> str:
        return authjs.read(token, SECRET, SALTS[0], options, now + seconds)

    token = read(authjs.encode(CLAIMS, SECRET, SALTS[0]), 0)
    browser.core.clock.now = now + 10
    browser.core.sessions.store.revoke_user("42")
    browser.core.sessions.revocations.read_now()
    token = read(token, 20)
    browser.core.clock.now = now + 30
    browser.client.set_cookie(SALTS[0], token, domain="127.0.0.1")
    assert (browser.session() is None) is with_callback
