"""Authorization requests that the development provider refuses."""

from __future__ import annotations

import pytest

from genkan.dev_provider import CLIENT_ID
from tests.servers.development import CALLBACK, ISSUER, Form, Worker, authorization, sent_back


@pytest.fixture(name="worker")
def _worker() -> Worker:
    return Worker()


class TestAuthorizationRequest:
    @pytest.mark.parametrize(
        "changes",
        [
            {"client_id": None},
            {"client_id": "other"},
            {"redirect_uri": None},
            {"redirect_uri": "https://evil.example/"},
            {"redirect_uri": CALLBACK + "/"},
            {"redirect_uri": CALLBACK + "?x=1"},
            {"redirect_uri": 'javascript:"\\'},
            {"state": "nul\0"},
            {"client_id": CLIENT_ID + "\0"},
            {"state": "s" * 513},
            {"nonce": "n" * 100_000},
            {"unknown\n": "x"},
        ],
    )
    def test_without_a_valid_client_and_redirect_uri_there_is_an_error_page(
        self, worker: Worker, changes: dict[str, str | None]
    ) -> None:
        page = worker.authorize(**changes)

        assert page.status_code == 400
        assert "refused the request" in page.text
        assert "Location" not in page.headers

    def test_a_repeated_parameter_returns_an_error_page(self, worker: Worker) -> None:
        query = [*authorization().items(), ("state", "another")]

        assert worker.browser.get("/development/authorize", query_string=query).status_code == 400

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
            ({"code_challenge": None}, "invalid_request"),
            ({"code_challenge_method": None}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge": "short"}, "invalid_request"),
            ({"scope": None}, "invalid_scope"),
            ({"scope": "email"}, "invalid_scope"),
            ({"response_type": None}, "invalid_request"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"response_type": '"é\\'}, "unsupported_response_type"),
            ({"response_mode": "form_post"}, "invalid_request"),
            ({"prompt": "none"}, "login_required"),
            ({"max_age": "-1"}, "invalid_request"),
            ({"max_age": "soon"}, "invalid_request"),
            ({"max_age": "9" * 11}, "invalid_request"),
            ({"prompt": "none login"}, "invalid_request"),
            ({"request": "e30.e30."}, "request_not_supported"),
            ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
        ],
    )
    def test_other_errors_are_returned_to_the_client(
        self, worker: Worker, changes: dict[str, str | None], error: str
    ) -> None:
        response = sent_back(worker.authorize(**changes))

        assert (response["error"], response["state"], response["iss"]) == (error, "the-state", ISSUER)

    def test_unknown_scopes_and_parameters_are_ignored(self, worker: Worker) -> None:
        page = worker.authorize(scope="openid address", claims="{}", ui_locales="ja")
        tokens = worker.exchange(sent_back(worker.answer(page, choice="hana"))["code"]).get_json()

        assert tokens["scope"] == "openid"
        assert not {"email", "name"} & worker.claims(tokens["id_token"]).keys()

    @pytest.mark.parametrize("sealed", ["", "bad", "a.b.c", "ü" * 10, "x" * 9000])
    def test_an_invalid_sealed_request_is_refused(self, worker: Worker, sealed: str) -> None:
        page = worker.browser.post("/development/authorize", data={"request": sealed, "choice": "hana"})

        assert page.status_code == 400
        assert "Location" not in page.headers

    def test_an_altered_sealed_request_is_refused(self, worker: Worker) -> None:
        sealed = Form(worker.authorize().text).forms[0]["request"]
        middle = len(sealed) // 2
        altered = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]

        assert (
            worker.browser.post("/development/authorize", data={"request": altered, "choice": "hana"}).status_code
            == 400
        )

    def test_form_fields_do_not_override_the_sealed_request(self, worker: Worker) -> None:
        response = worker.answer(worker.authorize(), choice="hana", state="other", redirect_uri="https://evil.example/")

        assert sent_back(response)["state"] == "the-state"

    def test_a_sealed_request_expires_after_an_hour(self, worker: Worker) -> None:
        page = worker.authorize()
        worker.clock.now += 3700

        assert "has expired" in worker.answer(page, choice="hana").text

    @pytest.mark.parametrize("fields", [{}, {"choice": "nobody"}, {"choice": "hana\0"}, {"choice": "x" * 9000}])
    def test_an_invalid_choice_is_refused(self, worker: Worker, fields: dict[str, str]) -> None:
        assert worker.answer(worker.authorize(), **fields).status_code == 400

    def test_codes_and_sealed_requests_are_not_interchangeable(self, worker: Worker) -> None:
        sealed = Form(worker.authorize().text).forms[0]["request"]
        swapped = {"request": worker.code(), "choice": "hana"}

        assert worker.exchange(sealed).get_json()["error"] == "invalid_grant"
        assert worker.browser.post("/development/authorize", data=swapped).status_code == 400
