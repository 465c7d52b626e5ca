"""Logs at level DEBUG contain no codes, tokens or cookies."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlsplit

import pytest

from genkan.http.cookies import RequestCookies
from tests.browser import Browser

PUBLIC = ("callback-url", "last-used")
"""Ends of the names of cookies without a secret."""


def values(location: str, *names: str) -> set[str]:
    query = parse_qs(urlsplit(location).query)
    return {value for name in names for value in query.get(name, [])}


def jar(browser: Browser) -> set[str]:
    return {cookie.value for cookie in (browser.client._cookies or {}).values() if not cookie.key.endswith(PUBLIC)}


def verifier(browser: Browser, started: str) -> str:
    """Return the `code_verifier` of the flow, decrypted from its cookie."""
    (state,) = values(started, "state")
    header = "; ".join(f"{cookie.key}={cookie.value}" for cookie in (browser.client._cookies or {}).values())
    return str(browser.core.checks.use("development", state, RequestCookies(header)).code_verifier)


def test_a_sign_in_at_debug_logs_no_code_token_or_cookie(
    browser: Browser, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    browser.app.config["PROPAGATE_EXCEPTIONS"] = False
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="genkan"):
        started = browser.begin_sign_in().headers["Location"]
        flow = jar(browser) | values(started, "state", "nonce") | {verifier(browser, started)}
        callback = browser.choose(started)
        browser.get(callback)
        browser.get(callback)
        browser.get("/api/auth/callback/development?error=access_denied&error_description=providers-own-words&state=x")
        signed_in = jar(browser)
        browser.post("/api/auth/signout", data={"csrfToken": "an-invalid-csrf-token"})
        browser.sign_out()
    log = caplog.text + "".join(str(vars(record)) for record in caplog.records) + "".join(capfd.readouterr())

    secrets = flow | values(callback, "code", "state") | signed_in | {"providers-own-words", "an-invalid-csrf-token"}
    parts = {part for secret in secrets for part in (secret, secret.partition("%7C")[0]) if len(part) > 8}
    assert len(parts) >= 8
    assert "signed in" in log
    assert {part for part in parts if part in log} == set()
