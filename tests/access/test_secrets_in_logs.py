"""No log, however talkative, holds what would let its reader in (L1)."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlsplit

import pytest

from genkan.http.cookies import RequestCookies
from tests.browser import Browser


def values(location: str, *names: str) -> set[str]:
    query = parse_qs(urlsplit(location).query)
    return {value for name in names for value in query.get(name, [])}


def jar(browser: Browser) -> set[str]:
    return {cookie.value for cookie in (browser.client._cookies or {}).values() if "callback-url" not in cookie.key}


def verifier(browser: Browser, started: str) -> str:
    """What only the flow's sealed cookie knows."""
    (state,) = values(started, "state")
    header = "; ".join(f"{cookie.key}={cookie.value}" for cookie in (browser.client._cookies or {}).values())
    return str(browser.options.checks.use("development", state, RequestCookies(header)).code_verifier)


def test_a_whole_visit_at_debug_tells_no_code_no_token_no_cookie(
    browser: Browser, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    browser.app.config["PROPAGATE_EXCEPTIONS"] = False
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="genkan"):
        started = browser.begin_sign_in().headers["Location"]
        flow = jar(browser) | values(started, "state", "nonce") | {verifier(browser, started)}
        back = browser.choose(started)
        browser.get(back)
        browser.get(back)
        browser.get("/api/auth/callback/development?error=access_denied&error_description=their-own-words&state=x")
        signed_in = jar(browser)
        browser.post("/api/auth/signout", data={"csrfToken": "a-wrong-token-of-theirs"})
        browser.sign_out()
    told = caplog.text + "".join(str(vars(record)) for record in caplog.records) + "".join(capfd.readouterr())

    secrets = flow | values(back, "code", "state") | signed_in | {"their-own-words", "a-wrong-token-of-theirs"}
    parts = {part for secret in secrets for part in (secret, secret.partition("%7C")[0]) if len(part) > 8}
    assert len(parts) >= 8
    assert "signed in" in told
    assert {part for part in parts if part in told} == set()
