"""Responses of an authenticator with one part changed. Each is refused, and no session begins. (requirement K9)"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from sqlalchemy import text

from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.passkeys.authenticator import BE, BS, UP, UV, Authenticator, b64url
from tests.passkeys.ceremonies import CALLBACK, add_passkey, error_of, options, send, sign_in

ORIGIN = "http://localhost:8000"
REFUSED = "WebAuthnVerificationError"

MUTATIONS: dict[str, dict[str, Any]] = {
    "origin of another port": {"origin": "http://localhost:8001"},
    "origin of another scheme": {"origin": "https://localhost:8000"},
    "origin with a slash": {"origin": "http://localhost:8000/"},
    "origin of another host": {"origin": "http://localhost.example:8000"},
    "another relying party": {"rp_id": "example.com"},
    "another type": {"type": "webauthn.create"},
    "another challenge": {"challenge": b64url(bytes(32))},
    "empty challenge": {"challenge": ""},
    "challenge that is no text": {"challenge": 5},
    "user not present": {"flags": UV | BE | BS},
    "user not verified": {"flags": UP | BE | BS},
    "no longer eligible for a backup": {"flags": UP | UV},
    "synced but not eligible": {"flags": UP | UV | BS},
    "counter that stays": {"counter": 5},
    "counter that goes back": {"counter": 4},
    "counter that disappears": {"counter": 0},
    "key of another": {"key": ec.generate_private_key(ec.SECP256R1())},
    "frame of another site": {"client_data": {"crossOrigin": True}},
    "frame without a flag": {"client_data": {"topOrigin": "https://evil.example"}},
    "cross-origin flag that is no boolean": {"client_data": {"crossOrigin": "false"}},
    "handle of another user": {"response": {"userHandle": b64url(b"x" * 43)}},
    "no handle": {"response": {"userHandle": None}},
    "handle that is no text": {"response": {"userHandle": ["x"]}},
    "no signature": {"response": {"signature": None}},
    "empty signature": {"response": {"signature": ""}},
    "no authenticator data": {"response": {"authenticatorData": ""}},
    "authenticator data cut short": {"response": {"authenticatorData": b64url(bytes(36))}},
    "client data that is no JSON": {"response": {"clientDataJSON": b64url(b"{")}},
    "client data that is a list": {"response": {"clientDataJSON": b64url(b"[]")}},
    "client data nested deeply": {"response": {"clientDataJSON": b64url(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}")}},
    "client data that is no base64": {"response": {"clientDataJSON": "***"}},
    "another kind of credential": {"json": {"type": "password"}},
    "two ids": {"json": {"id": b64url(b"another")}},
    "empty id": {"id": b""},
    "id that is too long": {"id": bytes(1024)},
    "response that is a list": {"json": {"response": []}},
}
"""Changes of a response with the counter 6, of a passkey that was used with 5."""


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_URL=ORIGIN, AUTH_PASSKEYS="on")


@pytest.fixture(name="browser")
def _browser(app: Flask) -> Browser:
    browser = Browser(app)
    browser.sign_in()
    return browser


def test_each_changed_part_is_refused(browser: Browser, app: Flask) -> None:
    authenticator = add_passkey(browser, counter=5)
    accepted = []
    for name, changes in MUTATIONS.items():
        other = Browser(app)
        response = sign_in(other, authenticator, **{"counter": 6, **changes})
        if error_of(response) != REFUSED or other.session() is not None:
            accepted.append((name, error_of(response)))

    assert accepted == []
    # Without a change it is accepted.
    assert error_of(sign_in(Browser(app), authenticator, counter=6)) is None


def test_an_unknown_passkey_is_refused(app: Flask) -> None:
    other = Browser(app)
    authenticator = Authenticator(ORIGIN, handle=b"x" * 43)

    assert error_of(sign_in(other, authenticator)) == "Configuration"
    assert other.session() is None


@pytest.mark.parametrize("data", ["", "null", "[]", "{", '{"rawId":"AAAA"}', "9" * 5000, "[" * 9000])
def test_data_that_is_no_credential_is_refused(app: Flask, data: str) -> None:
    other = Browser(app)
    headers = {"X-Auth-Return-Redirect": "1"}
    for action in ("authenticate", "register", "x"):
        response = other.submit(CALLBACK, headers, action=action, data=data)
        assert error_of(response) == REFUSED


def test_a_credential_needs_a_known_action(browser: Browser, app: Flask) -> None:
    authenticator = add_passkey(browser)
    for action in ("", "x", "authenticate,register"):
        other = Browser(app)
        assert error_of(send(other, action, authenticator.get(options(other)))) == "Configuration"
        assert other.session() is None


def test_a_registration_with_a_changed_part_is_refused(browser: Browser) -> None:
    mutations: dict[str, dict[str, Any]] = {
        name: change
        for name, change in MUTATIONS.items()
        if "counter" not in name and "handle" not in name and "key" not in name and "signature" not in name
        if name not in ("another type", "no longer eligible for a backup", "no authenticator data")
        if name != "authenticator data cut short"
    }
    mutations |= {
        "type of a sign-in": {"type": "webauthn.get"},
        "no attestation": {"response": {"attestationObject": ""}},
        "attestation that is no CBOR": {"response": {"attestationObject": b64url(b"\xff\xff")}},
        "unknown attestation": {"fmt": "x"},
        "attestation without a signature": {"fmt": "packed"},
        "algorithm of another kind of key": {"public_key": {3: -257}},
        "another curve": {"public_key": {-1: 2}},
        "point off the curve": {"public_key": {-3: bytes(32)}},
        "coordinate that is no bytes": {"public_key": {-2: "x"}},
    }
    accepted = []
    for name, changes in mutations.items():
        authenticator = Authenticator(ORIGIN)
        response = send(browser, "register", authenticator.create(options(browser, "register"), **changes))
        if error_of(response) != REFUSED:
            accepted.append((name, error_of(response)))
    weak = Authenticator(ORIGIN, algorithm=-65535)
    if error_of(send(browser, "register", weak.create(options(browser, "register")))) != REFUSED:
        accepted.append(("RS1", None))

    assert accepted == []
    assert "You have none yet." in browser.get("/account/passkeys").get_data(as_text=True)


@pytest.mark.parametrize("form", ["bytes", "text", "text of base64url", "bytes of base64url"])
def test_each_form_of_the_handle_is_accepted(browser: Browser, app: Flask, form: str) -> None:
    """@simplewebauthn/browser 9 sends text, and stores the base64url that it was sent."""
    authenticator = add_passkey(browser)
    handle = authenticator.handle
    once = b64url(handle)
    sent = {
        "bytes": once,
        "text": handle.decode(),
        "text of base64url": once,
        "bytes of base64url": b64url(once.encode()),
    }

    assert error_of(sign_in(Browser(app), authenticator, response={"userHandle": sent[form]})) is None


def test_a_passkey_of_another_application_needs_no_handle(browser: Browser, app: Flask) -> None:
    authenticator = add_passkey(browser)
    database = app.extensions["genkan"].core.adapter._database
    database.run(lambda session: session.execute(text("UPDATE authenticators SET handle = NULL")))

    for handle in (None, b64url(b"any"), "ü"):
        assert error_of(sign_in(Browser(app), authenticator, response={"userHandle": handle})) is None


class TestChallenges:
    def test_a_response_is_accepted_once(self, browser: Browser, app: Flask) -> None:
        authenticator = add_passkey(browser)
        other = Browser(app)
        credential = authenticator.get(options(other))
        cookies = [cookie for cookie in other.client._cookies.values() if ".passkey." in cookie.key]  # type: ignore[union-attr]
        assert error_of(send(other, "authenticate", credential)) is None

        other.submit("/api/auth/signout")
        for cookie in cookies:
            other.client.set_cookie(cookie.key, cookie.value, domain="localhost")
        assert error_of(send(other, "authenticate", credential)) == REFUSED
        assert other.session() is None

    def test_a_failed_response_uses_the_challenge_up(self, browser: Browser, app: Flask) -> None:
        authenticator = add_passkey(browser)
        other = Browser(app)
        asked = options(other)

        assert error_of(send(other, "authenticate", authenticator.get(asked, flags=UP | BE | BS))) == REFUSED
        assert error_of(send(other, "authenticate", authenticator.get(asked))) == REFUSED

    def test_a_challenge_is_of_one_browser(self, browser: Browser, app: Flask) -> None:
        authenticator = add_passkey(browser)
        credential = authenticator.get(options(Browser(app)))

        assert error_of(send(Browser(app), "authenticate", credential)) == REFUSED

    def test_a_challenge_expires_after_five_minutes(self, browser: Browser, app: Flask, clock: FrozenClock) -> None:
        authenticator = add_passkey(browser)
        for seconds, error in ((299, None), (300, REFUSED)):
            other = Browser(app)
            credential = authenticator.get(options(other))
            clock.advance(seconds)
            assert error_of(send(other, "authenticate", credential)) == error

    def test_a_registration_is_of_the_user_who_began_it(self, browser: Browser, app: Flask) -> None:
        credential = Authenticator(ORIGIN).create(options(browser, "register"))
        browser.sign_in("Sam Sample")

        assert error_of(send(browser, "register", credential)) == "AccessDenied"
        browser.submit("/api/auth/signout")
        credential = Authenticator(ORIGIN).create(json.loads(json.dumps({"challenge": "x", "user": {"id": "AA"}})))
        assert error_of(send(browser, "register", credential)) == REFUSED

    def test_of_parallel_uses_of_one_response_one_signs_in(self, browser: Browser, app: Flask) -> None:
        authenticator = add_passkey(browser)
        other = Browser(app)
        credential = authenticator.get(options(other))
        token = other.csrf_token()
        cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in other.client._cookies.values())  # type: ignore[union-attr]
        barrier = Barrier(8)

        def use(_: int) -> str | None:
            client = app.test_client(use_cookies=False)
            data = {"csrfToken": token, "action": "authenticate", "data": json.dumps(credential)}
            barrier.wait()
            response = client.post(
                CALLBACK, base_url=ORIGIN, data=data, headers={"Cookie": cookies, "X-Auth-Return-Redirect": "1"}
            )
            return error_of(response)

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(use, range(8)))

        assert sorted(map(str, results)) == ["None", *[REFUSED] * 7]

    def test_a_browser_keeps_five_challenges(self, app: Flask) -> None:
        other = Browser(app)
        asked = [options(other) for _ in range(7)]
        names = {cookie.key for cookie in other.client._cookies.values()}  # type: ignore[union-attr]

        assert len([name for name in names if ".passkey." in name]) == 5
        assert len({found["challenge"] for found in asked}) == 7

    def test_the_csrf_token_is_needed(self, browser: Browser, app: Flask) -> None:
        authenticator = add_passkey(browser)
        other = Browser(app)
        data = {"action": "authenticate", "data": json.dumps(authenticator.get(options(other)))}
        response = other.post(CALLBACK, data=data, headers={"X-Auth-Return-Redirect": "1"})

        assert error_of(response) == "MissingCSRF"
        forged = other.post(CALLBACK, data=data, headers={"Origin": "https://evil.example"})
        assert forged.status_code == 403
