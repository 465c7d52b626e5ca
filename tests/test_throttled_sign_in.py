"""One visitor can't have a provider shut the door on everybody: sign-ins from one address are bounded (D6)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from genkan.options import SECONDS_PER_SIGN_IN, SIGN_INS_AT_ONCE
from genkan.throttle import Throttle
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.visitors import state_of


def test_too_many_sign_ins_from_one_address_are_told_so_and_others_go_on(
    app: Flask, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    state = state_of(app)
    state.options = replace(state.options, begun=Throttle(SIGN_INS_AT_ONCE, SECONDS_PER_SIGN_IN, clock))
    eager = Browser(app)
    token = eager.csrf_token()

    def press(address: str) -> str:
        answer = eager.client.post(
            "/api/auth/signin/development",
            data={"csrfToken": token},
            base_url=eager.origin,
            environ_base={"REMOTE_ADDR": address},
        )
        assert answer.status_code in (302, 303)
        return answer.headers["Location"]

    for _ in range(SIGN_INS_AT_ONCE):
        assert "/development/authorize" in press("192.0.2.7")
    refused = press("192.0.2.7")

    page = eager.get(refused)
    assert (page.status_code, "Too many sign-ins" in page.text) == (429, True)
    assert any("TRUSTED_PROXY_HOPS" in str(getattr(record, "why", "")) for record in caplog.records)
    assert "/development/authorize" in press("192.0.2.8")
