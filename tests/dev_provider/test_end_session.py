"""Logout at the development provider: the user confirms it, and redirects stay within the application."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from genkan.dev_provider import CLIENT_ID
from tests.servers.development import URL, Form, Worker, authorization


@pytest.fixture(name="worker")
def _worker() -> Worker:
    return Worker()


class TestEndSession:
    def request(self, worker: Worker, **parameters: str) -> TestResponse:
        return worker.browser.get("/development/end-session", query_string=parameters)

    def confirm(self, worker: Worker, page: TestResponse) -> TestResponse:
        assert page.status_code == 200
        return worker.browser.post("/development/end-session", data=Form(page.text).forms[0])

    def test_a_confirmed_logout_redirects_with_its_state(self, worker: Worker) -> None:
        hint = worker.exchange(worker.code()).get_json()["id_token"]
        worker.clock.now += 86400
        page = self.request(worker, id_token_hint=hint, post_logout_redirect_uri=f"{URL}/about?a=1", state="s&t")
        response = self.confirm(worker, page)

        assert response.status_code == 303
        assert response.headers["Location"] == f"{URL}/about?a=1&state=s%26t"

    def test_a_logout_requested_by_post_needs_a_confirmation_too(self, worker: Worker) -> None:
        data = {"client_id": CLIENT_ID, "post_logout_redirect_uri": f"{URL}/"}
        page = worker.browser.post("/development/end-session", data=data)

        assert "Sign out here too?" in page.text
        assert self.confirm(worker, page).headers["Location"] == f"{URL}/"

    def test_without_client_id_or_hint_there_is_no_redirect(self, worker: Worker) -> None:
        response = self.confirm(worker, self.request(worker, post_logout_redirect_uri=f"{URL}/about"))

        assert response.status_code == 200
        assert "You are signed out" in response.text

    @pytest.mark.parametrize(
        "target",
        [
            "https://evil.example/",
            f"{URL}.evil.example/",
            "//evil.example",
            "http://127.0.0.1:5000@evil.example/",
            "x\0",
        ],
    )
    def test_a_redirect_to_another_site_is_refused(self, worker: Worker, target: str) -> None:
        page = self.request(worker, client_id=CLIENT_ID, post_logout_redirect_uri=target)

        if target == "//evil.example":
            assert self.confirm(worker, page).headers["Location"].startswith(f"{URL}/")
        else:
            assert page.status_code == 400

    def test_an_invalid_id_token_hint_is_refused(self, worker: Worker) -> None:
        elsewhere = Worker("http://127.0.0.1:5001")
        query = authorization(redirect_uri=elsewhere.provider.redirect_uri)
        page = elsewhere.browser.get("/development/authorize", query_string=query)
        code = parse_qs(urlsplit(elsewhere.answer(page, choice="hana").headers["Location"]).query)["code"][0]
        foreign = elsewhere.exchange(code, redirect_uri=elsewhere.provider.redirect_uri).get_json()["id_token"]

        for hint in (foreign, "bad", "a.b.c", "é.é.é", "x" * 70_000, "e30.e30.e30", "nul\0"):
            assert self.request(worker, id_token_hint=hint).status_code == 400

    @pytest.mark.parametrize("parameters", [{"client_id": "other"}, {"state": "nul\0"}, {"state": "s" * 10_000}])
    def test_an_invalid_request_returns_an_error_page(self, worker: Worker, parameters: dict[str, str]) -> None:
        assert self.request(worker, **parameters).status_code == 400

    @pytest.mark.parametrize("sealed", ["bad", "é", "x" * 70_000])
    def test_an_invalid_confirmation_is_refused(self, worker: Worker, sealed: str) -> None:
        assert worker.browser.post("/development/end-session", data={"confirmed": sealed}).status_code == 400
