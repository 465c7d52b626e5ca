"""Sign-in with GitHub, which uses OAuth 2.0 without ID tokens, against a strict local copy of its three endpoints."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from genkan.providers.github import github
from tests.browser import Browser
from tests.conftest import MakeApp
from tests.provider_client import failure_reason, get_state, query
from tests.servers.http_server import Call, CannedResponse, Server

ORIGIN = "http://127.0.0.1:5000"
ISSUER = "https://github.com/login/oauth"
CODE, TOKEN = "code-of-the-octopus", "gho_made-up"

VERIFIED = {"email": "Octo@example.org", "primary": True, "verified": True, "visibility": "private"}
SECOND = {"email": "second@example.org", "primary": False, "verified": True, "visibility": None}


@dataclass
class GitHub:
    """Local copy of GitHub: its responses, and the requests it received."""

    user: Any = field(
        default_factory=lambda: {"id": 583231, "login": "octo", "name": "Octo Example", "email": "public@example.org"}
    )
    emails: Any = field(default_factory=lambda: [SECOND, VERIFIED])
    token: Any = field(default_factory=lambda: {"access_token": TOKEN, "token_type": "bearer", "scope": "read:user"})
    status: dict[str, int] = field(default_factory=dict)
    challenge: str = ""
    calls: list[Call] = field(default_factory=list)

    def respond(self, call: Call) -> CannedResponse:
        self.calls.append(call)
        refusal = self._refusal(call)
        if refusal:
            return CannedResponse.json({"message": refusal}, 401)
        content = {"/token": self.token, "/user": self.user, "/emails": self.emails}[call.path]
        return CannedResponse.json(content, self.status.get(call.path, 200))

    def _refusal(self, call: Call) -> str | None:
        if not call.headers.get("User-Agent") or call.headers.get("Accept") != "application/json":
            return "User-Agent and Accept are required"
        if call.path != "/token":
            return None if call.headers.get("Authorization") == f"Bearer {TOKEN}" else "Bad credentials"
        digest = hashlib.sha256(call.body.get("code_verifier", "").encode()).digest()
        verified = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge
        credentials = (call.body.get("client_id"), call.body.get("client_secret"))
        return (
            None if verified and credentials == ("octo-client", "a:b%c&+/") and not call.authorization else "Not found"
        )


@pytest.fixture(name="octo")
def _octo() -> Iterator[tuple[GitHub, str]]:
    octo = GitHub()
    server = Server(octo.respond)
    server.start()
    yield octo, f"http://127.0.0.1:{server.port}"
    server.stop()
    assert server.errors == []


@pytest.fixture(name="browser")
def _signed_in_client(make_app: MakeApp, octo: tuple[GitHub, str]) -> Browser:
    """Return a browser of an application whose GitHub endpoints are the local copy's."""
    app = make_app(AUTH_GITHUB_ID="octo-client", AUTH_GITHUB_SECRET="a:b%c&+/", AUTH_DEVELOPMENT_PROVIDER="off")
    state, url = get_state(app), octo[1]
    endpoints = {"token_endpoint": f"{url}/token", "userinfo_endpoint": f"{url}/user"}
    real = state.core.providers["github"]
    copy = replace(real, **endpoints, extra_userinfo_endpoints={"emails": f"{url}/emails"})  # type: ignore[arg-type]
    state.core = replace(state.core, providers={"github": copy})
    return Browser(app)


@pytest.fixture(name="hub")
def _hub(octo: tuple[GitHub, str]) -> GitHub:
    return octo[0]


def sign_in(browser: Browser, hub: GitHub, **changes: str | None) -> Any:
    """Sign in and return the response to the callback. `changes` replace parameters of the callback."""
    params = query(browser.begin_sign_in("/dashboard", "github").headers["Location"])
    hub.challenge = params["code_challenge"]
    callback = {"code": CODE, "state": params["state"], "iss": ISSUER, **changes}
    sent = {name: value for name, value in callback.items() if value is not None}
    return browser.client.get("/api/auth/callback/github", base_url=ORIGIN, query_string=sent)


def test_a_user_signs_in_with_the_verified_primary_email(browser: Browser, hub: GitHub) -> None:
    assert sign_in(browser, hub).headers["Location"] == f"{ORIGIN}/dashboard"

    session = browser.session()
    (user,) = browser.core.adapter.list_users()
    assert session is not None
    assert (session["user"]["name"], session["user"]["email"]) == ("Octo Example", "octo@example.org")
    assert user.email_verified is not None
    assert browser.core.adapter.get_user_by_account("github", "583231") == user
    assert [call.path for call in hub.calls] == ["/token", "/user", "/emails"]
    assert hub.calls[0].body["redirect_uri"] == f"{ORIGIN}/api/auth/callback/github"


def test_the_authorization_request_has_state_and_pkce_and_no_nonce(browser: Browser) -> None:
    location = browser.begin_sign_in("/", "github").headers["Location"]
    params = query(location)

    assert location.startswith(f"{github.authorization_endpoint}?")
    assert set(params) == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
    }  # fmt: skip
    assert (params["scope"], params["code_challenge_method"]) == ("read:user user:email", "S256")


@pytest.mark.parametrize(
    "emails",
    [
        [{**VERIFIED, "verified": False}],
        [{**VERIFIED, "verified": "true"}],
        [SECOND],
        [],
        {"message": "odd"},
        [["octo@example.org"], None, {**VERIFIED, "email": ["octo@example.org"]}],
        [{**VERIFIED, "email": "octo@example.org@attacker.example"}],
    ],
)
def test_an_unverified_email_is_not_taken(browser: Browser, hub: GitHub, emails: Any) -> None:
    """The email of the public profile is not taken either, because users can enter any address there."""
    hub.emails = emails
    sign_in(browser, hub)

    (user,) = browser.core.adapter.list_users()
    assert (user.name, user.email, user.email_verified) == ("Octo Example", None, None)
    assert browser.session() is not None


@pytest.mark.parametrize("iss", [ISSUER, None])
def test_the_callback_may_name_the_issuer(browser: Browser, hub: GitHub, iss: str | None) -> None:
    sign_in(browser, hub, iss=iss)

    assert browser.session() is not None


def test_a_callback_from_another_issuer_is_not_exchanged(browser: Browser, hub: GitHub) -> None:
    assert failure_reason(sign_in(browser, hub, iss="https://gitlab.com"), browser) == "refused"
    assert hub.calls == []


@pytest.mark.parametrize(
    "profile", [[], None, "octo", {"login": "octo"}, {"id": True}, {"id": 1.5}, {"id": ""}, {"id": "1\x00"}]
)
def test_a_profile_without_a_subject_is_refused(browser: Browser, hub: GitHub, profile: Any) -> None:
    hub.user = profile

    assert failure_reason(sign_in(browser, hub), browser) == "refused"
    assert browser.core.adapter.list_users() == []


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/user", 500, "unavailable"),
        ("/emails", 502, "unavailable"),
        ("/user", 403, "refused"),
        ("/emails", 429, "unavailable"),
    ],
)
def test_a_profile_that_is_missing_for_the_moment_or_without_a_subject_is_refused(
    browser: Browser, hub: GitHub, path: str, status: int, reason: str
) -> None:
    hub.status[path] = status

    assert failure_reason(sign_in(browser, hub), browser) == reason
    assert browser.session() is None


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_user_signs_in_without_the_permission_to_read_addresses(
    browser: Browser, hub: GitHub, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A GitHub App without the permission "Email addresses" gets 403."""
    hub.status["/emails"] = status
    sign_in(browser, hub)

    (user,) = browser.core.adapter.list_users()
    assert (user.name, user.email, user.email_verified) == ("Octo Example", None, None)
    assert browser.session() is not None
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.getMessage() == (
        f"GitHub sent no emails (profile: {status}). Give the application the permission to read `emails` at GitHub, if it "
        "needs them."
    )


def test_an_address_that_could_not_be_read_before_is_stored_at_the_next_sign_in(browser: Browser, hub: GitHub) -> None:
    hub.status["/emails"] = 403
    sign_in(browser, hub)
    hub.status.clear()
    sign_in(browser, hub)

    (user,) = browser.core.adapter.list_users()
    assert (user.email, user.email_verified is not None) == ("octo@example.org", True)


@pytest.mark.parametrize(
    "extra", [{}, {"token_type": None}, {"token_type": "BEARER"}, {"expires_in": 0}, {"expires_at": []}]
)
def test_what_is_optional_in_a_token_response_may_be_missing_or_malformed(
    browser: Browser, hub: GitHub, extra: dict[str, Any]
) -> None:
    hub.token = {"access_token": TOKEN, **extra}
    sign_in(browser, hub)

    assert browser.session() is not None


@pytest.mark.parametrize(
    "token",
    [
        {"error": "bad_verification_code", "error_description": "<script>", "error_uri": "https://docs.example"},
        {"access_token": TOKEN, "token_type": "mac"},
        {"access_token": [TOKEN], "token_type": "bearer"},
        {"access_token": TOKEN + "\r\nX-Injected: yes", "token_type": "bearer"},
        {"access_token": "\ud800", "token_type": "bearer"},
        {"access_token": TOKEN, "token_type": "bearer", "expires_in": float("inf")},
        {"access_token": TOKEN, "token_type": 7},
    ],
)
def test_an_invalid_token_response_is_refused(browser: Browser, hub: GitHub, token: Any) -> None:
    """GitHub reports errors with status 200."""
    hub.token = token

    assert failure_reason(sign_in(browser, hub), browser) == "refused"
    assert len(hub.calls) <= 2
    assert browser.session() is None
