"""The development provider's token and userinfo endpoints: what is good once, for how long, and for whom."""

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


class TestTheTokenEndpoint:
    def test_a_code_is_good_once_whatever_worker_is_asked(self, worker: Worker) -> None:
        code = worker.code()

        assert worker.exchange(code).status_code == 200
        for again in (worker, worker.another()):
            answer = again.exchange(code)
            assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")

    def test_what_is_spent_is_remembered_for_as_long_as_it_would_open(self, worker: Worker) -> None:
        worker.exchange(worker.code())

        assert min(worker.used_ids.used.values()) >= NOON + 60

    def test_a_code_that_is_two_minutes_old_is_refused(self, worker: Worker) -> None:
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
    def test_a_bad_exchange_is_refused_in_oauths_words(
        self, worker: Worker, changes: dict[str, Any], error: str
    ) -> None:
        answer = worker.exchange(**{"code": worker.code(), **changes})

        assert (answer.status_code, answer.get_json()["error"]) == (400, error)
        assert "access_token" not in answer.get_json()

    def test_a_wrong_verifier_uses_the_code_up(self, worker: Worker) -> None:
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
    def test_a_client_that_cannot_prove_itself_gets_nothing_and_spends_nothing(
        self, worker: Worker, headers: dict[str, str]
    ) -> None:
        code = worker.code()
        answer = worker.exchange(code, headers=headers)

        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert worker.exchange(code).status_code == 200

    def test_a_client_may_prove_itself_in_the_form(self, worker: Worker) -> None:
        by_form = {"client_id": CLIENT_ID, "client_secret": worker.provider.client_secret}

        assert worker.exchange(worker.code(), headers={}, **by_form).status_code == 200
        by_form["client_secret"] = "wrong"
        assert worker.exchange(worker.code(), headers={}, **by_form).status_code == 401

    def test_basic_credentials_are_read_as_form_urlencoded(self, worker: Worker) -> None:
        secret = "".join(f"%{ord(letter):02X}" for letter in worker.provider.client_secret)

        assert worker.exchange(worker.code(), headers=basic(secret, quote(CLIENT_ID))).status_code == 200

    def test_a_client_may_not_repeat_a_parameter(self, worker: Worker) -> None:
        data = {"grant_type": "authorization_code", "code": [worker.code(), worker.code()]}
        answer = worker.browser.post("/development/token", data=data, headers=basic(worker.provider.client_secret))

        assert answer.get_json()["error"] == "invalid_request"

    def test_a_store_that_is_down_is_said_and_nothing_is_given(self, worker: Worker) -> None:
        code = worker.code()
        worker.used_ids.is_down = True
        answer = worker.exchange(code)

        assert (answer.status_code, answer.get_json()) == (503, {"error": "temporarily_unavailable"})

    def test_a_refresh_rotates_the_token_and_keeps_the_time_of_signing_in(self, worker: Worker) -> None:
        first = worker.exchange(worker.code()).get_json()
        worker.clock.now += 7200
        second = worker.refresh(first["refresh_token"]).get_json()
        claims = worker.claims(second["id_token"])

        assert second["refresh_token"] != first["refresh_token"]
        assert (claims["auth_time"], claims["iat"]) == (NOON, NOON + 7200)
        assert claims["sub"] == worker.claims(first["id_token"])["sub"]
        assert "nonce" not in claims
        assert worker.refresh(second["refresh_token"]).status_code == 200

    def test_a_refresh_token_is_good_once(self, worker: Worker) -> None:
        token = worker.exchange(worker.code()).get_json()["refresh_token"]

        assert worker.refresh(token).status_code == 200
        for again in (worker, worker.another()):
            answer = again.refresh(token)
            assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")

    def test_a_refresh_may_ask_for_less_but_not_for_more(self, worker: Worker) -> None:
        token = worker.exchange(worker.code(scope="openid email offline_access")).get_json()["refresh_token"]

        assert worker.refresh(token, scope="openid email profile").get_json()["error"] == "invalid_scope"
        assert worker.refresh(token, scope="email").get_json()["error"] == "invalid_scope"
        narrow = worker.refresh(token, scope="openid").get_json()
        assert narrow["scope"] == "openid"
        assert worker.refresh(narrow["refresh_token"]).get_json()["scope"] == "openid email offline_access"

    def test_neither_an_old_nor_another_kind_of_token_refreshes(self, worker: Worker) -> None:
        tokens = worker.exchange(worker.code()).get_json()
        worker.clock.now += 30 * 86400 + 60

        for token in (tokens["refresh_token"], tokens["access_token"], tokens["id_token"], "bad", "nul\0"):
            answer = worker.refresh(token)
            assert answer.status_code == 400
            assert answer.get_json()["error"] in ("invalid_grant", "invalid_request")
        assert worker.token({"grant_type": "refresh_token"}).get_json()["error"] == "invalid_request"

    def test_asking_by_get_is_not_allowed(self, worker: Worker) -> None:
        assert worker.browser.get("/development/token").status_code == 405


class TestUserinfo:
    def test_the_access_token_opens_what_its_scopes_name(self, worker: Worker) -> None:
        token = worker.exchange(worker.code(scope="openid email")).get_json()["access_token"]

        assert worker.userinfo(token).get_json() == {
            "sub": DevUser("hana@example.com").subject,
            "email": "hana@example.com",
            "email_verified": True,
        }

    @pytest.mark.parametrize("token", ["", "bad", "a..b.c.d", "x" * 70_000, "é"])
    def test_another_token_opens_nothing(self, worker: Worker, token: str) -> None:
        answer = worker.userinfo(token)

        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]

    def test_neither_an_expired_nor_another_kind_of_token_opens_anything(self, worker: Worker) -> None:
        tokens = worker.exchange(worker.code()).get_json()

        assert worker.userinfo(tokens["refresh_token"]).status_code == 401
        assert worker.userinfo(tokens["id_token"]).status_code == 401
        worker.clock.now += 3700
        assert worker.userinfo(tokens["access_token"]).status_code == 401

    def test_without_a_token_the_challenge_names_no_error(self, worker: Worker) -> None:
        answer = worker.browser.post("/development/userinfo")

        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="development"')
