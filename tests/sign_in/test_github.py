"""GitHub: OAuth 2 without an ID token, against a strict copy of its three endpoints on this machine."""

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
from tests.provider_client import failure_reason, query, state_of
from tests.servers.http_server import Call, CannedResponse, Server

ORIGIN = "http://127.0.0.1:5000"
ISSUER = "https://github.com/login/oauth"
CODE, TOKEN = "code-of-the-octopus", "gho_made-up"

VERIFIED = {"email": "Octo@example.org", "primary": True, "verified": True, "visibility": "private"}
SECOND = {"email": "second@example.org", "primary": False, "verified": True, "visibility": None}


@dataclass
class GitHub:
    """What it will say, and what it was asked."""

    user: Any = field(
        default_factory=lambda: {"id": 583231, "login": "octo", "name": "Octo Example", "email": "public@example.org"}
    )
    emails: Any = field(default_factory=lambda: [SECOND, VERIFIED])
    token: Any = field(default_factory=lambda: {"access_token": TOKEN, "token_type": "bearer", "scope": "read:user"})
    status: dict[str, int] = field(default_factory=dict)
    challenge: str = ""
    calls: list[Call] = field(default_factory=list)

    def answer(self, call: Call) -> CannedResponse:
        self.calls.append(call)
        refusal = self._refusal(call)
        if refusal:
            return CannedResponse.json({"message": refusal}, 401)
        said = {"/token": self.token, "/user": self.user, "/emails": self.emails}[call.path]
        return CannedResponse.json(said, self.status.get(call.path, 200))

    def _refusal(self, call: Call) -> str | None:
        if not call.headers.get("User-Agent") or call.headers.get("Accept") != "application/json":
            return "GitHub wants to know who asks, and for what"
        if call.path != "/token":
            return None if call.headers.get("Authorization") == f"Bearer {TOKEN}" else "Bad credentials"
        digest = hashlib.sha256(call.body.get("code_verifier", "").encode()).digest()
        proves = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge
        client = (call.body.get("client_id"), call.body.get("client_secret"))
        return None if proves and client == ("octo-client", "a:b%c&+/") and not call.authorization else "Not found"


@pytest.fixture(name="octo")
def _octo() -> Iterator[tuple[GitHub, str]]:
    octo = GitHub()
    server = Server(octo.answer)
    server.start()
    yield octo, f"http://127.0.0.1:{server.port}"
    server.stop()
    assert server.errors == []


@pytest.fixture(name="guest")
def _guest(make_app: MakeApp, octo: tuple[GitHub, str]) -> Browser:
    """A browser in a house whose GitHub is the copy; everything but the addresses is as it is in life."""
    app = make_app(AUTH_GITHUB_ID="octo-client", AUTH_GITHUB_SECRET="a:b%c&+/", AUTH_DEVELOPMENT_PROVIDER="off")
    house, url = state_of(app), octo[1]
    there = {"token_endpoint": f"{url}/token", "userinfo_endpoint": f"{url}/user"}
    real = house.core.providers["github"]
    copy = replace(real, **there, extra_userinfo_endpoints={"emails": f"{url}/emails"})  # type: ignore[arg-type]
    house.core = replace(house.core, providers={"github": copy})
    return Browser(app)


@pytest.fixture(name="hub")
def _hub(octo: tuple[GitHub, str]) -> GitHub:
    return octo[0]


def enter(guest: Browser, hub: GitHub, **changes: str | None) -> Any:
    """All the way; what the callback answers. `changes` are laid over its parameters."""
    asked = query(guest.begin_sign_in("/dashboard", "github").headers["Location"])
    hub.challenge = asked["code_challenge"]
    back = {"code": CODE, "state": asked["state"], "iss": ISSUER, **changes}
    sent = {name: value for name, value in back.items() if value is not None}
    return guest.client.get("/api/auth/callback/github", base_url=ORIGIN, query_string=sent)


def test_somebody_comes_in_with_their_verified_primary_address(guest: Browser, hub: GitHub) -> None:
    assert enter(guest, hub).headers["Location"] == f"{ORIGIN}/dashboard"

    session = guest.session()
    (user,) = guest.options.adapter.list_users()
    assert session is not None
    assert (session["user"]["name"], session["user"]["email"]) == ("Octo Example", "octo@example.org")
    assert user.email_verified is not None
    assert guest.options.adapter.get_user_by_account("github", "583231") == user
    assert [call.path for call in hub.calls] == ["/token", "/user", "/emails"]
    assert hub.calls[0].body["redirect_uri"] == f"{ORIGIN}/api/auth/callback/github"


def test_github_is_asked_with_state_and_pkce_and_without_a_nonce(guest: Browser) -> None:
    location = guest.begin_sign_in("/", "github").headers["Location"]
    asked = query(location)

    assert location.startswith(f"{github.authorization_endpoint}?")
    assert set(asked) == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
    }  # fmt: skip
    assert (asked["scope"], asked["code_challenge_method"]) == ("read:user user:email", "S256")


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
def test_an_address_that_github_has_not_verified_is_not_taken(guest: Browser, hub: GitHub, emails: Any) -> None:
    """Neither is the one in the profile, which anybody may write there."""
    hub.emails = emails
    enter(guest, hub)

    (user,) = guest.options.adapter.list_users()
    assert (user.name, user.email, user.email_verified) == ("Octo Example", None, None)
    assert guest.session() is not None


@pytest.mark.parametrize("iss", [ISSUER, None])
def test_github_may_name_itself_in_the_callback(guest: Browser, hub: GitHub, iss: str | None) -> None:
    enter(guest, hub, iss=iss)

    assert guest.session() is not None


def test_an_answer_of_another_issuer_is_not_exchanged(guest: Browser, hub: GitHub) -> None:
    assert failure_reason(enter(guest, hub, iss="https://gitlab.com"), guest) == "refused"
    assert hub.calls == []


@pytest.mark.parametrize(
    "profile", [[], None, "octo", {"login": "octo"}, {"id": True}, {"id": 1.5}, {"id": ""}, {"id": "1\x00"}]
)
def test_a_profile_without_a_subject_is_nobody_s(guest: Browser, hub: GitHub, profile: Any) -> None:
    hub.user = profile

    assert failure_reason(enter(guest, hub), guest) == "refused"
    assert guest.options.adapter.list_users() == []


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/user", 500, "unavailable"),
        ("/emails", 502, "unavailable"),
        ("/user", 403, "refused"),
        ("/emails", 404, "refused"),
    ],
)
def test_half_a_profile_is_none(guest: Browser, hub: GitHub, path: str, status: int, reason: str) -> None:
    hub.status[path] = status

    assert failure_reason(enter(guest, hub), guest) == reason
    assert guest.session() is None


@pytest.mark.parametrize(
    "token",
    [
        {"error": "bad_verification_code", "error_description": "<script>", "error_uri": "https://docs.example"},
        {"access_token": TOKEN, "token_type": "mac"},
        {"access_token": [TOKEN], "token_type": "bearer"},
        {"access_token": TOKEN + "\r\nX-Injected: yes", "token_type": "bearer"},
        {"access_token": "\ud800", "token_type": "bearer"},
        {"access_token": TOKEN, "token_type": "bearer", "expires_in": float("inf")},
        {"access_token": TOKEN, "token_type": "bearer", "expires_at": []},
    ],
)
def test_a_token_that_is_none_is_refused(guest: Browser, hub: GitHub, token: Any) -> None:
    """GitHub says its errors with status 200; the others are nobody's honest answer."""
    hub.token = token

    assert failure_reason(enter(guest, hub), guest) == "refused"
    assert len(hub.calls) <= 2
    assert guest.session() is None
