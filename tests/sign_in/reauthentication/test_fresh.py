"""`fresh`: sensitive views require that the same user has authenticated recently."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from genkan import fresh_login_required
from genkan.errors import ConfigurationError
from genkan.oauth.id_token import CLOCK_TOLERANCE
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import COOKIE, ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_in.reauthentication.confidential_views import CONFIDENTIAL, ORIGIN, REAUTHENTICATE, WITHIN, add_views


class TestMissingReauthentication:
    @pytest.mark.parametrize(("seconds", "allowed"), [(0, True), (WITHIN, True), (WITHIN + 1, False)])
    def test_the_last_authentication_counts_to_the_second(
        self, client: ProviderClient, seconds: int, allowed: bool
    ) -> None:
        client.sign_in_as()
        client.clock.advance(seconds)

        assert (client.get(CONFIDENTIAL).status_code == 200) is allowed

    def test_a_page_redirects_to_the_reauthentication_page(self, stale: ProviderClient) -> None:
        response = stale.get(CONFIDENTIAL)

        assert (response.status_code, response.headers["Location"]) == (303, REAUTHENTICATE)
        assert "private" in response.headers["Cache-Control"]

    def test_after_a_form_the_callback_url_is_the_page_of_the_form(self, stale: ProviderClient) -> None:
        response = stale.submit("/confidential", headers={"Referer": f"{ORIGIN}/dashboard?tab=1"})

        assert response.status_code == 303
        assert response.headers["Location"] == "/api/auth/signin?callbackUrl=%2Fdashboard%3Ftab%3D1&reason=fresh"

    def test_htmx_gets_the_redirect_in_a_header(self, stale: ProviderClient) -> None:
        response = stale.submit("/confidential", headers=HTMX)

        assert response.status_code == 401
        assert response.headers["HX-Redirect"] == "/api/auth/signin?callbackUrl=%2Fdashboard&reason=fresh"

    def test_a_json_client_gets_the_reason(self, stale: ProviderClient) -> None:
        response = stale.get("/api/confidential")

        assert (response.status_code, response.get_json()) == (401, {"error": "Unauthorized", "reason": "fresh"})

    def test_a_signed_out_user_gets_the_usual_redirect(self, app: Flask) -> None:
        signed_out = Browser(app)

        assert signed_out.get(CONFIDENTIAL).headers["Location"] == REAUTHENTICATE.removesuffix("&reason=fresh")
        assert signed_out.get("/api/confidential").get_json() == {"error": "Unauthorized"}
        assert (
            signed_out.get(CONFIDENTIAL, headers=HTMX).headers["HX-Redirect"]
            == "/api/auth/signin?callbackUrl=%2Fdashboard"
        )

    @pytest.mark.parametrize(
        ("auth_time", "allowed"),
        [
            (None, False),
            ("now", False),
            (True, False),
            (0, True),
            (CLOCK_TOLERANCE, True),
            (CLOCK_TOLERANCE + 1, False),
        ],
    )
    def test_a_session_needs_an_authentication_time_that_is_not_in_the_future(
        self, app: Flask, clock: FrozenClock, auth_time: Any, allowed: bool
    ) -> None:
        """A session of a Next.js front end has none: it is re-issued all the time, without a new authentication."""
        browser = Browser(app)
        value = clock.now + auth_time if type(auth_time) is int else auth_time
        claims = {"sub": "other-id", "iat": int(clock.now), "session_start": int(clock.now), "auth_time": value}
        sealed = browser.core.sessions.sealer.seal({k: v for k, v in claims.items() if v is not None}, 3600)
        browser.client.set_cookie(COOKIE, sealed, domain="127.0.0.1")

        assert browser.session() is not None
        assert (browser.get(CONFIDENTIAL).status_code == 200) is allowed

    @pytest.mark.parametrize("within", [0, -1])
    def test_a_window_below_one_second_stops_the_start(self, within: int) -> None:
        with pytest.raises(ConfigurationError, match="within"):
            fresh_login_required(within=within)


class TestThePage:
    def test_it_offers_only_the_accounts_of_the_user(self, make_app: MakeApp, op: FaultyProvider) -> None:
        client = ProviderClient(add_views(make_app(**provider_env(op), AUTH_GITHUB_ID="i", AUTH_GITHUB_SECRET="s")), op)
        client.sign_in_as()
        page = client.get(REAUTHENTICATE).get_data(as_text=True)

        assert "Please confirm that it is you" in page
        assert 'action="/api/auth/signin/oidc"' in page
        assert 'name="purpose" value="fresh"' in page
        assert 'name="callbackUrl" value="/confidential?page=2"' in page
        assert "signin/github" not in page
        assert "signin/development" not in page

    def test_without_a_local_account_the_user_is_asked_to_sign_in_again(self, app: Flask) -> None:
        browser = Browser(app)
        browser.client.set_cookie(
            COOKIE, browser.core.sessions.sealer.seal({"sub": "other-id"}, 3600), domain="127.0.0.1"
        )
        page = browser.get(REAUTHENTICATE).get_data(as_text=True)

        assert "Sign out, then sign in again." in page
        assert "/api/auth/signin/" not in page.split("<main")[-1]

    def test_a_signed_out_user_sees_the_usual_page(self, browser: Browser) -> None:
        page = browser.get(REAUTHENTICATE).get_data(as_text=True)

        assert "<h1>Sign in</h1>" in page
        assert 'action="/api/auth/signin/development"' in page
        assert 'action="/api/auth/signin/email"' in page
        assert 'name="purpose"' not in page
