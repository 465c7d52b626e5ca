"""`fresh`: sensitive views require that the same user has authenticated recently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Blueprint, Flask

from genkan import fresh, json_blueprint
from genkan.adapters.sessions import Activity
from genkan.errors import ConfigurationError
from genkan.oauth.id_token import CLOCK_TOLERANCE
from genkan.oauth.reauthentication import MAX_AGE
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import (
    COOKIE,
    OTHER_USER,
    ProviderClient,
    SentSignals,
    get_state,
    provider_env,
    query,
    set_callbacks,
)
from tests.servers.faulty.faults import AUTH_TIMES
from tests.servers.faulty.provider import FaultyProvider

ORIGIN = "http://127.0.0.1:5000"
WITHIN = 300
CONFIDENTIAL = "/confidential?page=2"
REAUTHENTICATE = "/api/auth/signin?callbackUrl=%2Fconfidential%3Fpage%3D2&reason=fresh"


def add_views(app: Flask) -> Flask:
    """Add an HTML view and a JSON view that require a recent sign-in."""
    html, json_api = Blueprint("confidential", __name__), json_blueprint(Blueprint("confidential-json", __name__))

    @html.route("/confidential", methods=["GET", "POST"])
    @json_api.route("/api/confidential", methods=["GET", "POST"])
    @fresh(within=WITHIN)
    def confidential() -> str:
        return "secret"

    app.register_blueprint(html)
    app.register_blueprint(json_api)
    return app


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return add_views(make_app())


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, op: FaultyProvider) -> Flask:
    return add_views(make_app(**provider_env(op), AUTH_DEVELOPMENT_PROVIDER="off"))


@pytest.fixture(name="stale")
def _stale(client: ProviderClient) -> ProviderClient:
    """Client whose user signed in an hour ago."""
    client.sign_in_as()
    client.clock.advance(3600)
    return client


def reauthenticate(client: ProviderClient, **claims: object) -> Any:
    """Start a reauthentication and authenticate as the user with `claims`. Return the response to the callback."""
    return client.get(client.op.authorize(start_reauthentication(client), claims))


def start_reauthentication(client: Browser, provider: str = "oidc", **fields: str) -> str:
    """Submit the reauthentication form. Return the provider's URL."""
    response = client.submit(f"/api/auth/signin/{provider}", None, callbackUrl=CONFIDENTIAL, purpose="fresh", **fields)
    return response.headers["Location"]


def session_claims(client: ProviderClient) -> dict[str, Any]:
    claims: dict[str, Any] = client.options.sessions.sealer.open(client.cookie(COOKIE) or "")
    return claims


def activity(client: ProviderClient) -> list[Activity]:
    """Return the first user's activity."""
    user = client.options.adapter.get_user_by_account("oidc", "visitor-1")
    assert user is not None
    entries: list[Activity] = client.options.sessions.store.list_activity(user.id, 10)
    return entries


def assert_nothing_changed(client: ProviderClient, before: str | None) -> None:
    assert client.cookie(COOKIE) == before
    assert client.name() == "Vera Visitor"
    assert client.get(CONFIDENTIAL).status_code == 303
    assert client.flow_cookies() == []


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
        sealed = browser.options.sessions.sealer.seal({k: v for k, v in claims.items() if v is not None}, 3600)
        browser.client.set_cookie(COOKIE, sealed, domain="127.0.0.1")

        assert browser.session() is not None
        assert (browser.get(CONFIDENTIAL).status_code == 200) is allowed

    @pytest.mark.parametrize("within", [0, -1])
    def test_a_window_below_one_second_stops_the_start(self, within: int) -> None:
        with pytest.raises(ConfigurationError, match="within"):
            fresh(within=within)


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
            COOKIE, browser.options.sessions.sealer.seal({"sub": "other-id"}, 3600), domain="127.0.0.1"
        )
        page = browser.get(REAUTHENTICATE).get_data(as_text=True)

        assert "Sign out, then sign in again." in page
        assert "/api/auth/signin/" not in page.split("<main")[-1]

    def test_a_signed_out_user_sees_the_usual_page(self, browser: Browser) -> None:
        page = browser.get(REAUTHENTICATE).get_data(as_text=True)

        assert "Choose a provider." in page
        assert 'name="purpose"' not in page


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


class TestSameUser:
    def test_another_user_is_refused_and_nothing_changes(
        self, provider_app: Flask, stale: ProviderClient, sent_signals: SentSignals
    ) -> None:
        """Neither a stored user nor a new one is accepted (GHSA-97r5-pg8x-p63p)."""
        ProviderClient(provider_app, stale.op).sign_in_as(**OTHER_USER)
        sent_signals.clear()
        before, users = stale.cookie(COOKIE), stale.options.adapter.list_users()
        for claims in (OTHER_USER, {"sub": "unknown", "name": "New Comer", "email": "new@example.org"}):
            response = reauthenticate(stale, **claims)
            page = stale.get(response.headers["Location"])

            assert query(response.headers["Location"])["reason"] == "another-person"
            assert page.status_code == 403
            assert "That was another account" in page.get_data(as_text=True)
            assert_nothing_changed(stale, before)
        assert (stale.options.adapter.list_users(), sent_signals) == (users, [])
        assert [(entry.kind, entry.detail) for entry in activity(stale)][:2] == [("refused", "another-person")] * 2

    def test_form_fields_do_not_choose_the_user(self, provider_app: Flask, stale: ProviderClient) -> None:
        other = ProviderClient(provider_app, stale.op)
        other.sign_in_as(**OTHER_USER)
        other_user = other.options.adapter.get_user_by_account("oidc", "resident")
        assert other_user is not None
        callback_url = stale.op.authorize(
            start_reauthentication(stale, user_id=other_user.id, sub=other_user.id), OTHER_USER
        )

        assert query(stale.get(callback_url).headers["Location"])["reason"] == "another-person"

    def test_it_does_not_end_in_another_user_s_session(self, provider_app: Flask, stale: ProviderClient) -> None:
        """Another user has signed in in the same browser in the meantime and stays signed in."""
        callback_url = stale.op.authorize(start_reauthentication(stale), {})
        stale.sign_in_as(**OTHER_USER)

        assert query(stale.get(callback_url).headers["Location"])["reason"] == "another-person"
        assert stale.name() == "Rei Resident"

    def test_after_a_sign_out_only_the_same_user_can_complete_it(
        self, provider_app: Flask, stale: ProviderClient
    ) -> None:
        ProviderClient(provider_app, stale.op).sign_in_as(**OTHER_USER)
        callback_url, other_callback_url = (
            stale.op.authorize(start_reauthentication(stale), {}),
            stale.op.authorize(start_reauthentication(stale), OTHER_USER),
        )
        stale.sign_out()

        assert query(stale.get(other_callback_url).headers["Location"])["reason"] == "another-person"
        assert stale.session() is None
        assert stale.get(callback_url).headers["Location"] == f"{ORIGIN}{CONFIDENTIAL}"
        assert stale.get(CONFIDENTIAL).status_code == 200

    def test_a_reauthentication_without_a_session_is_a_plain_sign_in(self, client: ProviderClient) -> None:
        params = start_reauthentication(client)

        assert "max_age" not in query(params)
        client.get(client.op.authorize(params))
        assert client.name() == "Vera Visitor"

    def test_a_denial_by_the_application_keeps_the_session(self, stale: ProviderClient) -> None:
        before = stale.cookie(COOKIE)
        set_callbacks(stale, sign_in=lambda _: False)

        assert query(reauthenticate(stale).headers["Location"])["error"] == "AccessDenied"
        assert_nothing_changed(stale, before)


class TestProvidersWithoutAuthTime:
    @pytest.mark.parametrize(("fault", "allowed"), [("no-auth-time", True), ("stale-auth-time", False)])
    def test_a_sign_in_counts_unless_auth_time_says_otherwise(
        self, make_app: MakeApp, op: FaultyProvider, fault: Any, allowed: bool
    ) -> None:
        """Slack is such a provider: `auth_time` is not requested, but still checked where present."""
        client = client_without_max_age(make_app, op)
        client.sign_in_as()
        client.clock.advance(3600)
        op.faults.id_token = fault
        params = start_reauthentication(client)
        client.get(op.authorize(params))

        assert (query(params)["prompt"], "max_age" in query(params)) == ("login", False)
        assert (client.get(CONFIDENTIAL).status_code == 200) is allowed

    def test_without_auth_time_a_plain_sign_in_does_not_count_where_max_age_is_supported(
        self, client: ProviderClient
    ) -> None:
        """The provider may have signed the user in from an old session of its own."""
        client.op.faults.id_token = "no-auth-time"
        client.sign_in_as()

        assert client.name() == "Vera Visitor"
        assert client.get(CONFIDENTIAL).status_code == 303
        client.op.faults.id_token = None
        reauthenticate(client)
        assert client.get(CONFIDENTIAL).status_code == 200

    def test_the_auth_time_of_an_old_authentication_is_used(self, client: ProviderClient) -> None:
        client.op.faults.id_token = "stale-auth-time"
        client.sign_in_as()

        assert session_claims(client)["auth_time"] == int(client.clock.now) - 3600
        assert client.get(CONFIDENTIAL).status_code == 303


def client_without_max_age(make_app: MakeApp, op: FaultyProvider) -> ProviderClient:
    """Return a client of an application whose provider does not support `max_age`."""
    client = ProviderClient(add_views(make_app(**provider_env(op))), op)
    state = get_state(client.app)
    silent = replace(state.core.providers["oidc"], supports_max_age=False)
    state.core = replace(state.core, providers={**state.core.providers, "oidc": silent})
    return client
