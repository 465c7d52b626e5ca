"""Checks of the Node.js test servers: oidc-provider, Auth.js and next-auth/react behave as the other tests expect."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserType

from tests.servers.http_server import CannedResponse, Server
from tests.servers.node import oidc_provider, react
from tests.servers.node.nodejs import NodeMissing, needing_node, node
from tests.servers.node.oidc_provider import OidcProvider
from tests.tokens.authjs_jwt import AuthJs, AuthJsError

CALLBACK = "http://127.0.0.1:5000/api/auth/callback/oidc"
VERIFIER = "v" * 43
SALT = "authjs.session-token"

pytest_plugins = ["tests.servers.node.services"]


@pytest.fixture(name="chromium", scope="module")
def _chromium(browser_type: BrowserType) -> Iterator[Browser]:
    browser = browser_type.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(name="op", scope="module")
def _op() -> Iterator[OidcProvider]:
    with needing_node(), oidc_provider.running([CALLBACK], accounts={"ada": {"name": "Ada"}}) as op:
        yield op


def authorization_url(op: OidcProvider, **changes: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    params = {
        "response_type": "code",
        "client_id": op.client_id,
        "redirect_uri": CALLBACK,
        "scope": "openid email profile",
        "state": "s",
        "nonce": "n",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{op.issuer}/auth?{urlencode({**params, **changes})}"


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_a_user_signs_in_at_oidc_provider(op: OidcProvider) -> None:
    callback = query(op.sign_in(authorization_url(op), "ada"))
    assert (callback["state"], callback["iss"]) == ("s", op.issuer)

    form = {"grant_type": "authorization_code", "code": callback["code"], "redirect_uri": CALLBACK}
    credentials = (quote_plus(op.client_id), quote_plus(op.client_secret))
    tokens = requests.post(
        f"{op.issuer}/token", {**form, "code_verifier": VERIFIER}, auth=credentials, timeout=5
    ).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    userinfo = requests.get(f"{op.issuer}/me", headers=bearer, timeout=30).json()

    assert "id_token" in tokens
    assert userinfo == {
        "sub": "ada",
        "name": "Ada",
        "email": "ada@example.org",
        "email_verified": True,
        "picture": "https://pictures.example/ada.png",
    }


def test_a_user_refuses_at_oidc_provider(op: OidcProvider) -> None:
    assert query(op.refuse(authorization_url(op)))["error"] == "access_denied"


def test_oidc_provider_requires_pkce(op: OidcProvider) -> None:
    assert query(op.sign_in(authorization_url(op, code_challenge="", code_challenge_method="")))["error"]


def test_oidc_provider_supports_logout(op: OidcProvider) -> None:
    metadata = requests.get(f"{op.issuer}/.well-known/openid-configuration", timeout=30).json()

    assert metadata["issuer"] == op.issuer
    assert metadata["end_session_endpoint"]
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["authorization_response_iss_parameter_supported"] is True


def test_a_real_browser_signs_in_at_oidc_provider(op: OidcProvider, chromium: Browser) -> None:
    page = chromium.new_page()
    page.route(f"{CALLBACK}**", lambda route: route.fulfill(body="back"))
    page.goto(authorization_url(op))
    page.fill("[name=account]", "grace")
    page.click("#sign-in")
    page.wait_for_url(f"{CALLBACK}**")

    assert query(page.url)["state"] == "s"


@pytest.mark.parametrize("secret", ["one secret", ["new secret", "old secret"]])
def test_authjs_decodes_its_own_token(authjs: AuthJs, secret: str | list[str]) -> None:
    claims = {"name": "Zoë 花", "sub": "7", "deep": {"list": [1, None, True]}}
    opened = authjs.decode(authjs.encode(claims, secret, SALT), secret, SALT)

    assert {name: opened[name] for name in claims} == claims
    assert opened["exp"] - opened["iat"] == 30 * 24 * 60 * 60


def test_authjs_refuses_a_token_it_did_not_encode(authjs: AuthJs) -> None:
    token = authjs.encode({}, "one secret", SALT)

    for wrong in ((token, "another", SALT), (token, "one secret", "another"), ("word", "one secret", SALT)):
        with pytest.raises(AuthJsError):
            authjs.decode(*wrong)


def test_a_missing_node_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NodeMissing, match="not installed"):
        node()


def test_without_node_a_test_is_skipped_locally_and_fails_on_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception), needing_node():
        node()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(NodeMissing), needing_node():
        node()


def test_the_react_page_shows_the_session_under_a_strict_policy(react_script: Path, chromium: Browser) -> None:
    page = chromium.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    with react_app(react_script, {"user": {"name": "Ada"}, "expires": "2999-01-01T00:00:00.000Z"}) as origin:
        page.goto(f"{origin}/react")
        page.wait_for_selector("#react-status:text-is('authenticated')")
        name = page.text_content("#react-name")
        page.click("#react-sign-out-in-place")
        page.wait_for_selector("#react-status:text-is('unauthenticated')")
    page.close()

    assert name == "Ada"
    assert errors == []


@contextmanager
def react_app(script: Path, session: object) -> Iterator[str]:
    """Serve the least that next-auth/react needs. The session lasts until the sign-out."""
    state = {"session": session}

    def sign_out() -> CannedResponse:
        state["session"] = None
        return CannedResponse.json({"url": "/"})

    policy = {"Content-Security-Policy": "default-src 'self'; script-src 'self'", "Content-Type": "text/html"}
    responses: dict[str, Callable[[], CannedResponse]] = {
        "/react": lambda: CannedResponse(react.page("/react.js").encode(), headers=policy),
        "/react.js": lambda: CannedResponse(script.read_bytes(), headers={"Content-Type": "text/javascript"}),
        "/api/auth/session": lambda: CannedResponse.json(state["session"]),
        "/api/auth/csrf": lambda: CannedResponse.json({"csrfToken": "t"}),
        "/api/auth/signout": sign_out,
        "/favicon.ico": lambda: CannedResponse(status=204),
    }
    server = Server(lambda call: responses[call.path]())
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
    assert server.errors == []
