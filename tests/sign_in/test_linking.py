"""Linking one more way in: by a user who is signed in and fresh, for themselves, and for nobody who only came by (O10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from genkan.callbacks import SignInParams
from genkan.session.revoker import revoke_all_sessions
from genkan.types import Account, User
from genkan.web import link
from genkan.web.server_actions import LINK_MAX_AGE
from tests.browser import HTMX
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import COOKIE, RESIDENT, Heard, ProviderClient, at_once, listen_to, provider_env, query
from tests.servers.faulty.provider import FaultyProvider

ORIGIN = "http://127.0.0.1:5000"
BACK = "/about?said=linked"
DOOR = "/link/zitadel"

OTHER = {"sub": "vera-there", "name": "V. Visitor", "email": "vera@elsewhere.example"}
"""The visitor, at another provider and under another address."""


@pytest.fixture(name="there")
def _there(clock: FrozenClock) -> Iterator[FaultyProvider]:
    """The provider whose account is to be linked."""
    with FaultyProvider(clock=clock) as there:
        yield there


@pytest.fixture(name="house")
def _house(make_app: MakeApp, op: FaultyProvider, there: FaultyProvider) -> Flask:
    app = make_app(**provider_env(op), **provider_env(there, "ZITADEL"))
    doors = Blueprint("doors", __name__)

    @doors.route("/link/<provider_id>", methods=["GET", "POST"])
    def begin(provider_id: str) -> Response:
        return link(provider_id, redirect_to=BACK)

    app.register_blueprint(doors)
    return app


@pytest.fixture(name="visitor")
def _visitor(house: Flask, op: FaultyProvider) -> ProviderClient:
    visitor = ProviderClient(house, op)
    visitor.sign_in_as()
    return visitor


def begin(visitor: ProviderClient, there: FaultyProvider, **claims: object) -> str:
    """Press "Link" and consent there; the callback that is to be followed."""
    return there.authorize(visitor.submit(DOOR).headers["Location"], {**OTHER, **claims})


def accounts(visitor: ProviderClient) -> list[tuple[str, str]]:
    """The visitor's ways in."""
    found = visitor.options.adapter.list_accounts(vera(visitor).id)
    return [(account.provider, account.provider_account_id) for account in found]


def vera(visitor: ProviderClient) -> User:
    user: User | None = visitor.options.adapter.get_user_by_account("oidc", "visitor-1")
    assert user is not None
    return user


def assert_refused(visitor: ProviderClient, answer: TestResponse, reason: str | None, status: int) -> str:
    """Nothing was linked; the words on the page that says so."""
    asked, page = query(answer.headers["Location"]), visitor.get(answer.headers["Location"])
    assert (asked.get("reason"), asked["purpose"], asked["callbackUrl"]) == (reason, "link", BACK)
    assert page.status_code == status
    assert "Set-Cookie" not in answer.headers or COOKIE not in str(answer.headers.getlist("Set-Cookie"))
    assert accounts(visitor) == [("oidc", "visitor-1")]
    text = page.get_data(as_text=True)
    assert 'href="/about"' in text
    return text


class TestLinking:
    def test_one_more_way_in_leaves_the_person_and_their_session_as_they_were(
        self, visitor: ProviderClient, there: FaultyProvider, heard: Heard
    ) -> None:
        before, user = visitor.cookie(COOKIE), vera(visitor)
        heard.clear()
        answer = visitor.get(begin(visitor, there))

        assert (answer.status_code, answer.headers["Location"]) == (302, f"{ORIGIN}{BACK}")
        assert accounts(visitor) == [("oidc", "visitor-1"), ("zitadel", "vera-there")]
        assert (visitor.cookie(COOKIE), vera(visitor), visitor.flow_cookies()) == (before, user, [])
        ((name, news),) = heard
        assert (name, news["user"], news["account"].provider_account_id) == ("account-linked", user, "vera-there")
        latest = visitor.options.session_store.activity(user.id, 1)[0]
        assert (latest.kind, latest.provider, latest.address) == ("linked", "zitadel", visitor.address)

    def test_whoever_comes_in_by_it_is_the_same_user(
        self, house: Flask, visitor: ProviderClient, there: FaultyProvider
    ) -> None:
        visitor.get(begin(visitor, there))
        elsewhere = ProviderClient(house, there)
        elsewhere.get(there.authorize(elsewhere.begin_sign_in("/", "zitadel").headers["Location"], OTHER))
        session = elsewhere.session()

        assert session is not None
        assert session["user"]["id"] == vera(visitor).id
        assert session["user"]["email"] == "visitor@example.org"

    def test_what_is_linked_already_gets_new_tokens_and_is_no_news(
        self, visitor: ProviderClient, there: FaultyProvider, heard: Heard
    ) -> None:
        visitor.get(begin(visitor, there))
        heard.clear()
        tokens = [account.tokens for account in visitor.options.adapter.list_accounts(vera(visitor).id)]
        answer = visitor.get(begin(visitor, there))
        again = [account.tokens for account in visitor.options.adapter.list_accounts(vera(visitor).id)]

        assert answer.headers["Location"] == f"{ORIGIN}{BACK}"
        assert (again[0], heard) == (tokens[0], [])
        assert again[1]["access_token"] != tokens[1]["access_token"]
        kinds = [line.kind for line in visitor.options.session_store.activity(vera(visitor).id, 10)]
        assert kinds.count("linked") == 1

    def test_through_htmx_the_way_to_the_provider_is_in_a_header(self, visitor: ProviderClient) -> None:
        answer = visitor.submit(DOOR, headers=HTMX)

        assert answer.status_code == 204
        assert answer.headers["HX-Redirect"].startswith("http://127.0.0.1:")

    def test_the_provider_is_not_made_to_ask_anew(self, visitor: ProviderClient) -> None:
        asked = query(visitor.submit(DOOR).headers["Location"])

        assert not {"prompt", "max_age"} & asked.keys()

    def test_where_it_ends_is_not_where_the_next_sign_in_does(
        self, visitor: ProviderClient, there: FaultyProvider
    ) -> None:
        """It tells that something was linked."""
        visitor.get(begin(visitor, there))
        visitor.sign_out()

        assert "said=linked" not in visitor.get("/api/auth/signin").get_data(as_text=True)


class TestWhoMayBegin:
    def test_a_link_does_not(self, visitor: ProviderClient) -> None:
        """It is the developer's mistake to offer one."""
        assert visitor.get(DOOR).status_code == 500
        assert visitor.flow_cookies() == []

    def test_nor_a_form_without_the_token(self, visitor: ProviderClient) -> None:
        assert visitor.post(DOOR).status_code == 403
        assert visitor.flow_cookies() == []

    def test_nor_who_is_signed_out(self, house: Flask, op: FaultyProvider) -> None:
        nobody = ProviderClient(house, op)

        assert nobody.submit(DOOR).headers["Location"].startswith("/api/auth/signin?callbackUrl=")
        assert nobody.flow_cookies() == []

    @pytest.mark.parametrize(("seconds", "may"), [(LINK_MAX_AGE, True), (LINK_MAX_AGE + 1, False)])
    def test_nor_who_is_not_fresh(self, visitor: ProviderClient, seconds: int, may: bool) -> None:
        visitor.clock.advance(seconds)
        answer = visitor.submit(DOOR, headers={"Referer": f"{ORIGIN}/dashboard"})

        assert (len(visitor.flow_cookies()) == 1) is may
        assert may or answer.headers["Location"] == "/api/auth/signin?callbackUrl=%2Fdashboard&reason=fresh"

    def test_the_sign_in_door_does_not_link_whatever_a_form_says(
        self, visitor: ProviderClient, there: FaultyProvider
    ) -> None:
        mine = vera(visitor).id
        begun = visitor.submit("/api/auth/signin/zitadel", purpose="link", user_id=mine, callbackUrl="/")
        visitor.get(there.authorize(begun.headers["Location"], OTHER))

        assert accounts(visitor) == [("oidc", "visitor-1")]
        assert visitor.name() == "V. Visitor"

    def test_a_provider_that_is_not_on_is_explained(self, visitor: ProviderClient) -> None:
        answer = visitor.submit("/link/github")

        assert_refused(visitor, answer, "provider", 400)

    def test_a_provider_that_is_down_is_explained(self, visitor: ProviderClient, there: FaultyProvider) -> None:
        with there.down():
            assert_refused(visitor, visitor.submit(DOOR), "unavailable", 503)


class TestTheCallback:
    def test_somebody_else_s_way_in_stays_theirs(
        self, house: Flask, visitor: ProviderClient, there: FaultyProvider
    ) -> None:
        owner = ProviderClient(house, there)
        owner.get(there.authorize(owner.begin_sign_in("/", "zitadel").headers["Location"], OTHER))
        before = visitor.cookie(COOKIE)
        words = assert_refused(visitor, visitor.get(begin(visitor, there)), "linked-elsewhere", 403)

        assert "That account is already in use here" in words
        assert (visitor.cookie(COOKIE), owner.name()) == (before, "V. Visitor")

    def test_it_signs_nobody_in_whose_session_has_ended(self, visitor: ProviderClient, there: FaultyProvider) -> None:
        """Neither as the user whose flow it is nor as the one who came back."""
        back = begin(visitor, there)
        visitor.sign_out()
        words = assert_refused(visitor, visitor.get(back), "signed-out", 401)

        assert "You have been signed out in the meantime" in words
        assert visitor.session() is None

    def test_a_session_that_was_ended_from_elsewhere_is_none(
        self, visitor: ProviderClient, there: FaultyProvider
    ) -> None:
        back = begin(visitor, there)
        there.before["/token"] = lambda: revoke_all_sessions(vera(visitor).id, "ended", visitor.options)

        assert_refused(visitor, visitor.get(back), "signed-out", 401)

    def test_it_does_nothing_in_another_person_s_session(self, visitor: ProviderClient, there: FaultyProvider) -> None:
        back = begin(visitor, there)
        visitor.sign_in_as(**RESIDENT)

        assert_refused(visitor, visitor.get(back), "another-person", 403)
        assert visitor.name() == "Rei Resident"
        resident = visitor.options.adapter.get_user_by_account("oidc", "resident")
        assert resident is not None
        assert len(visitor.options.adapter.list_accounts(resident.id)) == 1

    def test_nor_in_another_person_s_browser(
        self, house: Flask, visitor: ProviderClient, there: FaultyProvider
    ) -> None:
        """Whoever is made to follow somebody else's callback does not get their account linked to theirs."""
        back = begin(visitor, there)
        victim = ProviderClient(house, visitor.op)
        victim.sign_in_as(**RESIDENT)
        victim.get(back)

        assert there.codes == []
        assert accounts(visitor) == [("oidc", "visitor-1")]
        assert victim.name() == "Rei Resident"

    def test_nor_with_the_cookie_of_the_flow_in_another_person_s_browser(
        self, house: Flask, visitor: ProviderClient, there: FaultyProvider
    ) -> None:
        back = begin(visitor, there)
        victim = ProviderClient(house, visitor.op)
        victim.sign_in_as(**RESIDENT)
        (flow,) = visitor.flow_cookies()
        victim.client.set_cookie(flow, str(visitor.cookie(flow)), domain="127.0.0.1")

        assert query(victim.get(back).headers["Location"])["reason"] == "another-person"
        assert accounts(visitor) == [("oidc", "visitor-1")]

    def test_a_disabled_user_gets_no_more_ways_in(self, visitor: ProviderClient, there: FaultyProvider) -> None:
        back = begin(visitor, there)
        (user,) = visitor.options.adapter.list_users()
        visitor.options.adapter.update_user(user.id, disabled=True)

        assert_refused(visitor, visitor.get(back), None, 403)

    @pytest.mark.parametrize(("answer", "landing"), [(False, None), ("/about?wait=1", f"{ORIGIN}/about?wait=1")])
    def test_the_application_has_its_say(
        self, visitor: ProviderClient, there: FaultyProvider, answer: Any, landing: str | None
    ) -> None:
        asked: list[tuple[User, Account]] = []
        back = begin(visitor, there)

        def sign_in(params: SignInParams) -> Any:
            asked.append((params.user, params.account))
            return answer

        listen_to(visitor, sign_in=sign_in)
        reply = visitor.get(back)

        assert accounts(visitor) == [("oidc", "visitor-1")]
        assert [(user, account.provider) for user, account in asked] == [(vera(visitor), "zitadel")]
        assert landing in (None, reply.headers["Location"])
        assert landing or query(reply.headers["Location"])["error"] == "AccessDenied"

    def test_declining_is_explained_without_an_offer_to_sign_in(
        self, visitor: ProviderClient, there: FaultyProvider
    ) -> None:
        there.faults.callback = "access-denied"
        words = assert_refused(visitor, visitor.get(begin(visitor, there)), "declined", 400)

        assert "/api/auth/signin/" not in words.split("<main")[-1]

    def test_one_that_comes_twice_links_once(
        self, visitor: ProviderClient, there: FaultyProvider, heard: Heard
    ) -> None:
        back, cookies = begin(visitor, there), {"Cookie": visitor.cookie_header()}
        heard.clear()
        clients = [visitor.app.test_client(use_cookies=False) for _ in range(4)]
        answers = at_once(*(lambda client=client: client.get(back, headers=cookies) for client in clients))

        assert {answer.headers["Location"] for answer in answers} == {f"{ORIGIN}{BACK}"}
        assert (len(there.codes), len(heard)) == (1, 1)
        assert accounts(visitor) == [("oidc", "visitor-1"), ("zitadel", "vera-there")]
