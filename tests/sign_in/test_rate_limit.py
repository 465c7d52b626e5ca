"""Sign-ins from one IP address are limited, so that a provider does not block the application for all users."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from genkan.core import RATE_LIMIT_BURST, SECONDS_PER_SIGN_IN
from genkan.http.rate_limit import RateLimit
from genkan.web.state import get_state
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp


def test_too_many_sign_ins_from_one_address_are_refused_and_others_continue(
    app: Flask, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    state = get_state(app)
    state.core = replace(state.core, rate_limit=RateLimit(RATE_LIMIT_BURST, SECONDS_PER_SIGN_IN, clock))
    browser = Browser(app)
    token = browser.csrf_token()

    def start_sign_in(address: str) -> str:
        response = browser.client.post(
            "/api/auth/signin/development",
            data={"csrfToken": token},
            base_url=browser.origin,
            environ_base={"REMOTE_ADDR": address},
        )
        assert response.status_code in (302, 303)
        return response.headers["Location"]

    for _ in range(RATE_LIMIT_BURST):
        assert "/development/authorize" in start_sign_in("192.0.2.7")
    refused = start_sign_in("192.0.2.7")

    page = browser.get(refused)
    assert (page.status_code, "Too many sign-ins" in page.text) == (429, True)
    assert any("TRUSTED_PROXY_HOPS" in str(getattr(record, "detail", "")) for record in caplog.records)
    assert "/development/authorize" in start_sign_in("192.0.2.8")


def test_the_ports_of_one_address_count_together(make_app: MakeApp, clock: FrozenClock) -> None:
    """Some load balancers add the port of the client to X-Forwarded-For."""
    app = make_app(TRUSTED_PROXY_HOPS="1")
    state = get_state(app)
    state.core = replace(state.core, rate_limit=RateLimit(2, SECONDS_PER_SIGN_IN, clock))
    browser = Browser(app)
    data = {"csrfToken": browser.csrf_token()}
    started = [
        browser.post("/api/auth/signin/development", data=data, headers={"X-Forwarded-For": f"203.0.113.7:{port}"})
        for port in (50000, 50001, 50002)
    ]

    assert ["/authorize" in response.headers["Location"] for response in started] == [True, True, False]
