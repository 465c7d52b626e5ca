"""Token and userinfo endpoints of the development provider."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest

from genkan.dev_provider import CLIENT_ID
from genkan.dev_provider.users import DevUser
from tests.servers.development import NOON, Worker, basic


@pytest.fixture(name="worker")
def _worker() -> Worker:
    return Worker()


class TestTokenEndpoint:
    def test_a_code_can_be_used_once_on_any_worker(self, worker: Worker) -> None:
        code = worker.code()

        assert worker.exchange(code).status_code == 200
        for again in (worker, worker.another()):
            response = again.exchange(code)
            assert (response.status_code, response.get_json()["error"]) == (400, "invalid_grant")

    def test_a_used_code_is_remembered_until_it_expires(self, worker: Worker) -> None:
        worker.exchange(worker.code())

        assert min(worker.used_ids.used.values()) >= NOON + 60

    def test_a_code_expires_after_two_minutes(self, worker: Worker) -> None:
        code = worker.code()
        worker.clock.now += 120

        assert worker.exchange(code).get_json()["error"] == "invalid_grant"

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"code_verifier": "w" * 43}, "invalid_grant"),
            ({"code_verifier": None}, "invalid_request"),
            ({"code_verifier": "short"}, "invalid_request"),
            ({"code_verifier": "é" * 43}, "invalid_request"),
            ({"redirect_uri": None}, "invalid_grant"),
            ({"redirect_uri": "https://evil.example/"}, "invalid_grant"),
            ({"code": None}, "invalid_request"),
            ({"code": ""}, "invalid_request"),
            ({"code": "bad"}, "invalid_grant"),
            ({"code": "a..b.c.d"}, "invalid_grant"),
            ({"code": "nul\0"}, "invalid_request"),
            ({"code": "x" * 100_000}, "invalid_request"),
            ({"grant_type": None}, "invalid_request"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
            ({"grant_type": '"é\\'}, "unsupported_grant_type"),
        ],
    )
    def test_an_invalid_token_request_returns_an_oauth_error(
        self, worker: Worker, changes: dict[str, Any], error: str
    ) -> None:
        response = worker.exchange(**{"code": worker.code(), **changes})

        assert (response.status_code, response.get_json()["error"]) == (400, error)
        assert "access_token" not in response.get_json()

    def test_a_wrong_code_verifier_uses_up_the_code(self, worker: Worker) -> None:
        code = worker.code()
        worker.exchange(code, code_verifier="w" * 43)

        assert worker.exchange(code).get_json()["error"] == "invalid_grant"

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            basic("wrong"),
            basic("wröng"),
            basic("", client_id=""),
            basic("secret", client_id="other"),
            {"Authorization": "Basic"},
            {"Authorization": "Basic !!!"},
            {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()},
            {"Authorization": "Bearer abc"},
        ],
    )
    def test_a_client_that_fails_to_authenticate_does_not_use_up_the_code(
        self, worker: Worker, headers: dict[str, str]
    ) -> None:
        code = worker.code()
        response = worker.exchange(code, headers=headers)

        assert (response.status_code, response.get_json()["error"]) == (401, "invalid_client")
        assert response.headers["WWW-Authenticate"].startswith("Basic ")
        assert worker.exchange(code).status_code == 200

    def test_a_client_may_authenticate_in_the_form(self, worker: Worker) -> None:
        by_form = {"client_id": CLIENT_ID, "client_secret": worker.provider.client_secret}

        assert worker.exchange(worker.code(), headers={}, **by_form).status_code == 200
        by_form["client_secret"] = "wrong"
        assert worker.exchange(worker.code(), headers={}, **by_form).status_code == 401

    def test_basic_credentials_are_form_urlencoded(self, worker: Worker) -> None:
        secret = "".join(f"%{ord(letter):02X}" for letter in worker.provider.client_secret)

        assert worker.exchange(worker.code(), headers=basic(secret, quote(CLIENT_ID))).status_code == 200

    def test_a_repeated_parameter_is_refused(self, worker: Worker) -> None:
        data = {"grant_type": "authorization_code", "code": [worker.code(), worker.code()]}
        response = worker.browser.post("/development/token", data=data, headers=basic(worker.provider.client_secret))

        assert response.get_json()["error"] == "invalid_request"

    def test_without_the_database_no_token_is_issued(self, worker: Worker) -> None:
        code = worker.code()
        worker.used_ids.is_down = True
        response = worker.exchange(code)

        assert (response.status_code, response.get_json()) == (503, {"error": "temporarily_unavailable"})

    def test_a_refresh_rotates_the_token_and_keeps_auth_time(self, worker: Worker) -> None:
        first = worker.exchange(worker.code()).get_json()
        worker.clock.now += 7200
        second = worker.refresh(first["refresh_token"]).get_json()
        claims = worker.claims(second["id_token"])

        assert second["refresh_token"] != first["refresh_token"]
        assert (claims["auth_time"], claims["iat"]) == (NOON, NOON + 7200)
        assert claims["sub"] == worker.claims(first["id_token"])["sub"]
        assert "nonce" not in claims
        assert worker.refresh(second["refresh_token"]).status_code == 200

    def test_a_refresh_token_can_be_used_once(self, worker: Worker) -> None:
        token = worker.exchange(worker.code()).get_json()["refresh_token"]

        assert worker.refresh(token).status_code == 200
        for again in (worker, worker.another()):
            response = again.refresh(token)
            assert (response.status_code, response.get_json()["error"]) == (400, "invalid_grant")

    def test_a_refresh_may_narrow_the_scope_but_not_widen_it(self, worker: Worker) -> None:
        token = worker.exchange(worker.code(scope="openid email offline_access")).get_json()["refresh_token"]

        assert worker.refresh(token, scope="openid email profile").get_json()["error"] == "invalid_scope"
        assert worker.refresh(token, scope="email").get_json()["error"] == "invalid_scope"
        narrow = worker.refresh(token, scope="openid").get_json()
        assert narrow["scope"] == "openid"
        assert worker.refresh(narrow["refresh_token"]).get_json()["scope"] == "openid email offline_access"

    def test_expired_and_other_tokens_cannot_refresh(self, worker: Worker) -> None:
        tokens = worker.exchange(worker.code()).get_json()
        worker.clock.now += 30 * 86400 + 60

        for token in (tokens["refresh_token"], tokens["access_token"], tokens["id_token"], "bad", "nul\0"):
            response = worker.refresh(token)
            assert response.status_code == 400
            assert response.get_json()["error"] in ("invalid_grant", "invalid_request")
        assert worker.token({"grant_type": "refresh_token"}).get_json()["error"] == "invalid_request"

    def test_a_get_request_is_not_allowed(self, worker: Worker) -> None:
        assert worker.browser.get("/development/token").status_code == 405


class TestUserinfo:
    def test_userinfo_returns_the_claims_of_the_granted_scopes(self, worker: Worker) -> None:
        token = worker.exchange(worker.code(scope="openid email")).get_json()["access_token"]

        assert worker.userinfo(token).get_json() == {
            "sub": DevUser("hana@example.com").subject,
            "email": "hana@example.com",
            "email_verified": True,
        }

    @pytest.mark.parametrize("token", ["", "bad", "a..b.c.d", "x" * 70_000, "é"])
    def test_an_invalid_token_is_refused(self, worker: Worker, token: str) -> None:
        response = worker.userinfo(token)

        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]

    def test_expired_and_other_tokens_are_refused(self, worker: Worker) -> None:
        tokens = worker.exchange(worker.code()).get_json()

        assert worker.userinfo(tokens["refresh_token"]).status_code == 401
        assert worker.userinfo(tokens["id_token"]).status_code == 401
        worker.clock.now += 3700
        assert worker.userinfo(tokens["access_token"]).status_code == 401

    def test_without_a_token_the_challenge_names_no_error(self, worker: Worker) -> None:
        response = worker.browser.post("/development/userinfo")

        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="development"')
