"""`@fresh`: whoever wants what can't be undone proves that it is them, lately, as the same person or not at all (S12, O20)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Blueprint, Flask

from genkan.adapters.sessions import Activity
from genkan.errors import ConfigurationError
from genkan.oauth.id_token import CLOCK_TOLERANCE
from genkan.oauth.reauthentication import MAX_AGE
from genkan.web import fresh, json_blueprint
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import COOKIE, RESIDENT, Heard, ProviderClient, listen_to, provider_env, query, state_of
from tests.servers.faulty.faults import AUTH_TIMES
from tests.servers.faulty.provider import FaultyProvider

ORIGIN = "http://127.0.0.1:5000"
WITHIN = 300
VAULT = "/vault?shelf=2"
CONFIRM = "/api/auth/signin?callbackUrl=%2Fvault%3Fshelf%3D2&reason=fresh"


def build_vaults(app: Flask) -> Flask:
    """Views that want somebody fresh: a page, and JSON."""
    pages, programs = Blueprint("vault", __name__), json_blueprint(Blueprint("vaults", __name__))

    @pages.route("/vault", methods=["GET", "POST"])
    @programs.route("/api/vault", methods=["GET", "POST"])
    @fresh(within=WITHIN)
    def vault() -> str:
        return "gold"

    app.register_blueprint(pages)
    app.register_blueprint(programs)
    return app


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return build_vaults(make_app())


@pytest.fixture(name="house")
def _house(make_app: MakeApp, op: FaultyProvider) -> Flask:
    return build_vaults(make_app(**provider_env(op), AUTH_DEVELOPMENT_PROVIDER="off"))


@pytest.fixture(name="stale")
def _stale(visitor: ProviderClient) -> ProviderClient:
    """Somebody who signed in an hour ago."""
    visitor.sign_in_as()
    visitor.clock.advance(3600)
    return visitor


def confirm(visitor: ProviderClient, **claims: object) -> Any:
    """Press the button of the page that asks to confirm, and come back as whoever `claims` describes."""
    return visitor.get(visitor.op.authorize(begin(visitor), claims))


def begin(visitor: Browser, provider: str = "oidc", **fields: str) -> str:
    """Press that button; where it leads."""
    answer = visitor.submit(f"/api/auth/signin/{provider}", None, callbackUrl=VAULT, purpose="fresh", **fields)
    return answer.headers["Location"]


def token_of(visitor: ProviderClient) -> dict[str, Any]:
    opened: dict[str, Any] = visitor.options.sessions.open(visitor.cookie(COOKIE) or "")
    return opened


def story(visitor: ProviderClient) -> list[Activity]:
    """What stands in the story of the first user."""
    user = visitor.options.adapter.get_user_by_account("oidc", "visitor-1")
    assert user is not None
    found: list[Activity] = visitor.options.session_store.activity(user.id, 10)
    return found


def assert_nothing_changed(visitor: ProviderClient, before: str | None) -> None:
    assert visitor.cookie(COOKIE) == before
    assert visitor.name() == "Vera Visitor"
    assert visitor.get(VAULT).status_code == 303
    assert visitor.flow_cookies() == []


class TestTheRefusal:
    @pytest.mark.parametrize(("seconds", "is_let_in"), [(0, True), (WITHIN, True), (WITHIN + 1, False)])
    def test_it_counts_from_the_last_proof_to_the_second(
        self, visitor: ProviderClient, seconds: int, is_let_in: bool
    ) -> None:
        visitor.sign_in_as()
        visitor.clock.advance(seconds)

        assert (visitor.get(VAULT).status_code == 200) is is_let_in

    def test_a_page_leads_to_where_one_confirms(self, stale: ProviderClient) -> None:
        answer = stale.get(VAULT)

        assert (answer.status_code, answer.headers["Location"]) == (303, CONFIRM)
        assert "private" in answer.headers["Cache-Control"]

    def test_from_a_form_the_way_back_is_the_page_it_came_from(self, stale: ProviderClient) -> None:
        answer = stale.submit("/vault", headers={"Referer": f"{ORIGIN}/dashboard?tab=1"})

        assert answer.status_code == 303
        assert answer.headers["Location"] == "/api/auth/signin?callbackUrl=%2Fdashboard%3Ftab%3D1&reason=fresh"

    def test_htmx_is_told_the_same_in_a_header(self, stale: ProviderClient) -> None:
        answer = stale.submit("/vault", headers=HTMX)

        assert answer.status_code == 401
        assert answer.headers["HX-Redirect"] == "/api/auth/signin?callbackUrl=%2Fdashboard&reason=fresh"

    def test_programs_are_told_why(self, stale: ProviderClient) -> None:
        answer = stale.get("/api/vault")

        assert (answer.status_code, answer.get_json()) == (401, {"error": "Unauthorized", "reason": "fresh"})

    def test_who_is_signed_out_gets_the_usual_refusal(self, app: Flask) -> None:
        nobody = Browser(app)

        assert nobody.get(VAULT).headers["Location"] == CONFIRM.removesuffix("&reason=fresh")
        assert nobody.get("/api/vault").get_json() == {"error": "Unauthorized"}
        assert nobody.get(VAULT, headers=HTMX).headers["HX-Redirect"] == "/api/auth/signin?callbackUrl=%2Fdashboard"

    @pytest.mark.parametrize(
        ("proven_at", "is_let_in"),
        [
            (None, False),
            ("now", False),
            (True, False),
            (0, True),
            (CLOCK_TOLERANCE, True),
            (CLOCK_TOLERANCE + 1, False),
        ],
    )
    def test_a_token_has_to_say_it_and_not_of_the_future(
        self, app: Flask, clock: FrozenClock, proven_at: Any, is_let_in: bool
    ) -> None:
        """One of a Next.js front end does not: it is made anew all the time, whoever sits there."""
        browser = Browser(app)
        said = clock.now + proven_at if type(proven_at) is int else proven_at
        claims = {"sub": "theirs", "iat": int(clock.now), "auth_time": int(clock.now), "proven_at": said}
        sealed = browser.options.sessions.seal({k: v for k, v in claims.items() if v is not None}, 3600)
        browser.client.set_cookie(COOKIE, sealed, domain="127.0.0.1")

        assert browser.session() is not None
        assert (browser.get(VAULT).status_code == 200) is is_let_in

    @pytest.mark.parametrize("within", [0, -1])
    def test_a_time_in_which_nobody_can_be_fresh_stops_the_start(self, within: int) -> None:
        with pytest.raises(ConfigurationError, match="within"):
            fresh(within=within)


class TestThePage:
    def test_it_asks_to_confirm_and_offers_only_their_own_ways_in(self, make_app: MakeApp, op: FaultyProvider) -> None:
        visitor = ProviderClient(
            build_vaults(make_app(**provider_env(op), AUTH_GITHUB_ID="i", AUTH_GITHUB_SECRET="s")), op
        )
        visitor.sign_in_as()
        page = visitor.get(CONFIRM).get_data(as_text=True)

        assert "Please confirm that it is you" in page
        assert 'action="/api/auth/signin/oidc"' in page
        assert 'name="purpose" value="fresh"' in page
        assert 'name="callbackUrl" value="/vault?shelf=2"' in page
        assert "signin/github" not in page
        assert "signin/development" not in page

    def test_who_has_no_way_in_of_this_house_is_asked_to_come_in_again(self, app: Flask) -> None:
        browser = Browser(app)
        browser.client.set_cookie(COOKIE, browser.options.sessions.seal({"sub": "theirs"}, 3600), domain="127.0.0.1")
        page = browser.get(CONFIRM).get_data(as_text=True)

        assert "Sign out, then sign in again." in page
        assert "/api/auth/signin/" not in page.split("<main")[-1]

    def test_for_who_is_signed_out_it_is_the_usual_page(self, browser: Browser) -> None:
        page = browser.get(CONFIRM).get_data(as_text=True)

        assert "Choose a provider." in page
        assert 'name="purpose"' not in page


class TestConfirming:
    def test_it_starts_a_new_session_and_leads_back(self, stale: ProviderClient, heard: Heard) -> None:
        before, claims = stale.cookie(COOKIE), token_of(stale)
        heard.clear()
        answer = confirm(stale)

        assert answer.headers["Location"] == f"{ORIGIN}{VAULT}"
        assert stale.get(VAULT).get_data(as_text=True) == "gold"
        assert token_of(stale)["sid"] != claims["sid"]
        assert [name for name, _ in heard] == ["signed-in"]
        stale.client.set_cookie(COOKIE, str(before), domain="127.0.0.1")
        assert stale.session() is None

    def test_through_the_development_provider_it_works_from_the_form_to_the_page(
        self, browser: Browser, clock: FrozenClock
    ) -> None:
        browser.sign_in()
        clock.advance(WITHIN + 1)
        assert browser.get(VAULT).headers["Location"] == CONFIRM
        begun = begin(browser, "development")
        asked = query(begun)
        answer = browser.get(browser.choose(begun))

        assert (asked["prompt"], asked["max_age"]) == ("login", str(MAX_AGE))
        assert answer.headers["Location"] == f"{ORIGIN}{VAULT}"
        assert browser.get(VAULT).status_code == 200

    def test_the_provider_is_asked_to_ask_whatever_the_request_says(self, stale: ProviderClient) -> None:
        door = "/api/auth/signin/oidc?prompt=none&max_age=9999"
        asked = query(stale.submit(door, callbackUrl=VAULT, purpose="fresh").headers["Location"])

        assert (asked["prompt"], asked["max_age"]) == ("login", str(MAX_AGE))

    def test_a_plain_sign_in_asks_nothing_of_the_kind(self, visitor: ProviderClient) -> None:
        assert not {"prompt", "max_age"} & query(visitor.start()).keys()

    @pytest.mark.parametrize("fault", AUTH_TIMES)
    def test_a_proof_of_another_time_is_none(self, stale: ProviderClient, fault: Any) -> None:
        before = stale.cookie(COOKIE)
        stale.op.faults.id_token = fault
        answer = confirm(stale)
        page = stale.get(answer.headers["Location"])

        assert query(answer.headers["Location"]) == {
            "error": "Configuration",
            "reason": "unproven",
            "purpose": "fresh",
            "callbackUrl": VAULT,
        }
        assert page.status_code == 403
        assert "The provider did not ask you again" in page.get_data(as_text=True)
        assert 'href="/api/auth/signin?reason=fresh&amp;callbackUrl=' in page.get_data(as_text=True)
        assert_nothing_changed(stale, before)
        assert (story(stale)[0].kind, story(stale)[0].detail) == ("refused", "unproven")

    @pytest.mark.parametrize(("off", "is_believed"), [(-CLOCK_TOLERANCE, True), (-CLOCK_TOLERANCE - 1, False)])
    def test_the_provider_s_clock_may_be_a_minute_behind(
        self, stale: ProviderClient, off: int, is_believed: bool
    ) -> None:
        stale.op.skew = off
        confirm(stale)

        assert (stale.get(VAULT).status_code == 200) is is_believed

    def test_a_clock_that_is_behind_costs_nobody_their_freshness(self, stale: ProviderClient) -> None:
        stale.op.skew = -CLOCK_TOLERANCE
        confirm(stale)

        assert token_of(stale)["proven_at"] == int(stale.clock.now)

    def test_userinfo_has_no_say_in_when_it_was(self, visitor: ProviderClient) -> None:
        """It tells of the person; what tells of the sign-in, and is signed, is the ID token."""
        visitor.op.claims_in = "userinfo"
        visitor.op.faults.id_token = "stale-auth-time"
        visitor.sign_in_as(auth_time=int(visitor.clock.now))

        assert visitor.name() == "Vera Visitor"
        assert token_of(visitor)["proven_at"] == int(visitor.clock.now) - 3600
        assert visitor.get(VAULT).status_code == 303

    def test_the_provider_being_down_costs_nobody_their_session(self, stale: ProviderClient) -> None:
        before = stale.cookie(COOKIE)
        back = stale.op.authorize(begin(stale), {})
        with stale.op.down():
            answer = stale.get(back)

        assert query(answer.headers["Location"])["reason"] == "unavailable"
        assert stale.get(answer.headers["Location"]).status_code == 503
        assert_nothing_changed(stale, before)

    def test_who_declines_is_asked_again_in_the_same_words(self, stale: ProviderClient) -> None:
        stale.op.faults.callback = "access-denied"
        answer = confirm(stale)
        page = stale.get(answer.headers["Location"]).get_data(as_text=True)

        assert "The sign-in was cancelled" in page
        assert "Please confirm that it is you" in page
        assert 'name="callbackUrl" value="/vault?shelf=2"' in page


class TestTheSamePersonOrNothing:
    def test_another_person_changes_nothing_at_all(self, house: Flask, stale: ProviderClient, heard: Heard) -> None:
        """Neither a stored one nor a new one (GHSA-97r5-pg8x-p63p)."""
        ProviderClient(house, stale.op).sign_in_as(**RESIDENT)
        heard.clear()
        before, users = stale.cookie(COOKIE), stale.options.adapter.list_users()
        for claims in (RESIDENT, {"sub": "unknown", "name": "New Comer", "email": "new@example.org"}):
            answer = confirm(stale, **claims)
            page = stale.get(answer.headers["Location"])

            assert query(answer.headers["Location"])["reason"] == "another-person"
            assert page.status_code == 403
            assert "That was another account" in page.get_data(as_text=True)
            assert_nothing_changed(stale, before)
        assert (stale.options.adapter.list_users(), heard) == (users, [])
        assert [(line.kind, line.detail) for line in story(stale)][:2] == [("refused", "another-person")] * 2

    def test_the_form_has_no_say_in_who_it_is_for(self, house: Flask, stale: ProviderClient) -> None:
        other = ProviderClient(house, stale.op)
        other.sign_in_as(**RESIDENT)
        resident = other.options.adapter.get_user_by_account("oidc", "resident")
        assert resident is not None
        back = stale.op.authorize(begin(stale, user_id=resident.id, sub=resident.id), RESIDENT)

        assert query(stale.get(back).headers["Location"])["reason"] == "another-person"

    def test_it_does_not_end_in_another_person_s_session(self, house: Flask, stale: ProviderClient) -> None:
        """Somebody else has signed in in this browser in the meantime, and stays."""
        back = stale.op.authorize(begin(stale), {})
        stale.sign_in_as(**RESIDENT)

        assert query(stale.get(back).headers["Location"])["reason"] == "another-person"
        assert stale.name() == "Rei Resident"

    def test_whose_session_has_ended_in_the_meantime_comes_in_as_themselves_or_not_at_all(
        self, house: Flask, stale: ProviderClient
    ) -> None:
        ProviderClient(house, stale.op).sign_in_as(**RESIDENT)
        back, strange = stale.op.authorize(begin(stale), {}), stale.op.authorize(begin(stale), RESIDENT)
        stale.sign_out()

        assert query(stale.get(strange).headers["Location"])["reason"] == "another-person"
        assert stale.session() is None
        assert stale.get(back).headers["Location"] == f"{ORIGIN}{VAULT}"
        assert stale.get(VAULT).status_code == 200

    def test_who_is_signed_out_when_they_press_the_button_signs_in(self, visitor: ProviderClient) -> None:
        asked = begin(visitor)

        assert "max_age" not in query(asked)
        visitor.get(visitor.op.authorize(asked))
        assert visitor.name() == "Vera Visitor"

    def test_an_application_that_says_no_leaves_the_session_alone(self, stale: ProviderClient) -> None:
        before = stale.cookie(COOKIE)
        listen_to(stale, sign_in=lambda _: False)

        assert query(confirm(stale).headers["Location"])["error"] == "AccessDenied"
        assert_nothing_changed(stale, before)


class TestProvidersThatDoNotSay:
    @pytest.mark.parametrize(("fault", "is_let_in"), [("no-auth-time", True), ("stale-auth-time", False)])
    def test_a_round_trip_counts_unless_the_provider_says_otherwise(
        self, make_app: MakeApp, op: FaultyProvider, fault: Any, is_let_in: bool
    ) -> None:
        """Slack is one of those that are not asked for `auth_time`; what is there is looked at all the same."""
        visitor = not_saying(make_app, op)
        visitor.sign_in_as()
        visitor.clock.advance(3600)
        op.faults.id_token = fault
        asked = begin(visitor)
        visitor.get(op.authorize(asked))

        assert (query(asked)["prompt"], "max_age" in query(asked)) == ("login", False)
        assert (visitor.get(VAULT).status_code == 200) is is_let_in

    def test_where_it_could_have_said_and_was_not_asked_a_plain_sign_in_is_no_proof(
        self, visitor: ProviderClient
    ) -> None:
        """It may have let somebody through whom it has known for weeks: a way round everything above."""
        visitor.op.faults.id_token = "no-auth-time"
        visitor.sign_in_as()

        assert visitor.name() == "Vera Visitor"
        assert visitor.get(VAULT).status_code == 303
        visitor.op.faults.id_token = None
        confirm(visitor)
        assert visitor.get(VAULT).status_code == 200

    def test_what_a_provider_says_of_an_old_sign_in_is_believed(self, visitor: ProviderClient) -> None:
        visitor.op.faults.id_token = "stale-auth-time"
        visitor.sign_in_as()

        assert token_of(visitor)["proven_at"] == int(visitor.clock.now) - 3600
        assert visitor.get(VAULT).status_code == 303


def not_saying(make_app: MakeApp, op: FaultyProvider) -> ProviderClient:
    """A house whose provider isn't known to honour `max_age`."""
    visitor = ProviderClient(build_vaults(make_app(**provider_env(op))), op)
    house = state_of(visitor.app)
    silent = replace(house.core.providers["oidc"], supports_max_age=False)
    house.core = replace(house.core, providers={**house.core.providers, "oidc": silent})
    return visitor
