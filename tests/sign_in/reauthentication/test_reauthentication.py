"""Reauthentication: a new authentication at the provider and a new session."""

from __future__ import annotations

from typing import Any

import pytest

from genkan.oauth.id_token import CLOCK_TOLERANCE
from genkan.oauth.reauthentication import MAX_AGE
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.provider_client import COOKIE, ProviderClient, SentSignals, query
from tests.servers.faulty.faults import AUTH_TIMES
from tests.sign_in.reauthentication.confidential_views import CONFIDENTIAL, ORIGIN, REAUTHENTICATE, WITHIN
from tests.sign_in.reauthentication.reauthentication_steps import (
    activity,
    assert_nothing_changed,
    reauthenticate,
    session_claims,
    start_reauthentication,
)


class TestReauthentication:
    def test_it_starts_a_new_session_and_redirects_back(self, stale: ProviderClient, sent_signals: SentSignals) -> None:
        before, claims = stale.cookie(COOKIE), session_claims(stale)
        sent_signals.clear()
        response = reauthenticate(stale)

        assert response.headers["Location"] == f"{ORIGIN}{CONFIDENTIAL}"
        assert stale.get(CONFIDENTIAL).get_data(as_text=True) == "secret"
        assert session_claims(stale)["sid"] != claims["sid"]
        assert [name for name, _ in sent_signals] == ["signed-in"]
        stale.client.set_cookie(COOKIE, str(before), domain="127.0.0.1")
        assert stale.session() is None

    def test_it_works_with_the_development_provider(self, browser: Browser, clock: FrozenClock) -> None:
        browser.sign_in()
        clock.advance(WITHIN + 1)
        assert browser.get(CONFIDENTIAL).headers["Location"] == REAUTHENTICATE
        location = start_reauthentication(browser, "development")
        params = query(location)
        response = browser.get(browser.choose(location))

        assert (params["prompt"], params["max_age"]) == ("login", str(MAX_AGE))
        assert response.headers["Location"] == f"{ORIGIN}{CONFIDENTIAL}"
        assert browser.get(CONFIDENTIAL).status_code == 200

    def test_the_request_cannot_change_prompt_and_max_age(self, stale: ProviderClient) -> None:
        path = "/api/auth/signin/oidc?prompt=none&max_age=9999"
        params = query(stale.submit(path, callbackUrl=CONFIDENTIAL, purpose="fresh").headers["Location"])

        assert (params["prompt"], params["max_age"]) == ("login", str(MAX_AGE))

    def test_a_plain_sign_in_does_not_ask_for_reauthentication(self, client: ProviderClient) -> None:
        assert not {"prompt", "max_age"} & query(client.start()).keys()

    @pytest.mark.parametrize("fault", AUTH_TIMES)
    def test_a_wrong_auth_time_is_refused(self, stale: ProviderClient, fault: Any) -> None:
        before = stale.cookie(COOKIE)
        stale.op.faults.id_token = fault
        response = reauthenticate(stale)
        page = stale.get(response.headers["Location"])

        assert query(response.headers["Location"]) == {
            "error": "Configuration",
            "reason": "unproven",
            "purpose": "fresh",
            "callbackUrl": CONFIDENTIAL,
        }
        assert page.status_code == 403
        assert "The provider did not ask you again" in page.get_data(as_text=True)
        assert 'href="/api/auth/signin?reason=fresh&amp;callbackUrl=' in page.get_data(as_text=True)
        assert_nothing_changed(stale, before)
        assert (activity(stale)[0].kind, activity(stale)[0].detail) == ("refused", "unproven")

    @pytest.mark.parametrize(("off", "accepted"), [(-CLOCK_TOLERANCE, True), (-CLOCK_TOLERANCE - 1, False)])
    def test_the_provider_s_clock_may_be_a_minute_behind(self, stale: ProviderClient, off: int, accepted: bool) -> None:
        stale.op.skew = off
        reauthenticate(stale)

        assert (stale.get(CONFIDENTIAL).status_code == 200) is accepted

    def test_a_provider_clock_that_is_behind_does_not_shorten_the_window(self, stale: ProviderClient) -> None:
        stale.op.skew = -CLOCK_TOLERANCE
        reauthenticate(stale)

        assert session_claims(stale)["auth_time"] == int(stale.clock.now)

    def test_auth_time_is_not_read_from_userinfo(self, client: ProviderClient) -> None:
        """Userinfo describes the user. Only the signed ID token describes the authentication."""
        client.op.claims_in = "userinfo"
        client.op.faults.id_token = "stale-auth-time"
        client.sign_in_as(auth_time=int(client.clock.now))

        assert client.name() == "Vera Visitor"
        assert session_claims(client)["auth_time"] == int(client.clock.now) - 3600
        assert client.get(CONFIDENTIAL).status_code == 303

    def test_the_session_is_kept_when_the_provider_is_down(self, stale: ProviderClient) -> None:
        before = stale.cookie(COOKIE)
        callback_url = stale.op.authorize(start_reauthentication(stale), {})
        with stale.op.down():
            response = stale.get(callback_url)

        assert query(response.headers["Location"])["reason"] == "unavailable"
        assert stale.get(response.headers["Location"]).status_code == 503
        assert_nothing_changed(stale, before)

    def test_a_user_who_declines_sees_the_reauthentication_page_again(self, stale: ProviderClient) -> None:
        stale.op.faults.callback = "access-denied"
        response = reauthenticate(stale)
        page = stale.get(response.headers["Location"]).get_data(as_text=True)

        assert "The sign-in was cancelled" in page
        assert "Please confirm that it is you" in page
        assert 'name="callbackUrl" value="/confidential?page=2"' in page
