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
from tests.provider_client import (
    COOKIE,
    OTHER_USER,
    ProviderClient,
    SentSignals,
    provider_env,
    query,
    run_parallel,
    set_callbacks,
)
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


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, op: FaultyProvider, there: FaultyProvider) -> Flask:
    app = make_app(**provider_env(op), **provider_env(there, "ZITADEL"))
    doors = Blueprint("doors", __name__)

    @doors.route("/link/<provider_id>", methods=["GET", "POST"])
    def begin(provider_id: str) -> Response:
        return link(provider_id, redirect_to=BACK)

    app.register_blueprint(doors)
    return app


@pytest.fixture(name="client")
def _client(provider_app: Flask, op: FaultyProvider) -> ProviderClient:
    client = ProviderClient(provider_app, op)
    client.sign_in_as()
    return client


def begin(client: ProviderClient, there: FaultyProvider, **claims: object) -> str:
    """Press "Link" and consent there; the callback that is to be followed."""
    return there.authorize(client.submit(DOOR).headers["Location"], {**OTHER, **claims})


def accounts(client: ProviderClient) -> list[tuple[str, str]]:
    """The visitor's ways in."""
    found = client.options.adapter.list_accounts(vera(client).id)
    return [(account.provider, account.provider_account_id) for account in found]


def vera(client: ProviderClient) -> User:
    user: User | None = client.options.adapter.get_user_by_account("oidc", "visitor-1")
    assert user is not None
    return user


def assert_refused(client: ProviderClient, answer: TestResponse, reason: str | None, status: int) -> str:
    """Nothing was linked; the words on the page that says so."""
    asked, page = query(answer.headers["Location"]), client.get(answer.headers["Location"])
    assert (asked.get("reason"), asked["purpose"], asked["callbackUrl"]) == (reason, "link", BACK)
    assert page.status_code == status
    assert "Set-Cookie" not in answer.headers or COOKIE not in str(answer.headers.getlist("Set-Cookie"))
    assert accounts(client) == [("oidc", "visitor-1")]
    text = page.get_data(as_text=True)
    assert 'href="/about"' in text
    return text


class TestLinking:
    def test_one_more_way_in_leaves_the_person_and_their_session_as_they_were(
        self, client: ProviderClient, there: FaultyProvider, sent_signals: SentSignals
    ) -> None:
        before, user = client.cookie(COOKIE), vera(client)
        sent_signals.clear()
        answer = client.get(begin(client, there))

        assert (answer.status_code, answer.headers["Location"]) == (302, f"{ORIGIN}{BACK}")
        assert accounts(client) == [("oidc", "visitor-1"), ("zitadel", "vera-there")]
        assert (client.cookie(COOKIE), vera(client), client.flow_cookies()) == (before, user, [])
        ((name, news),) = sent_signals
        assert (name, news["user"], news["account"].provider_account_id) == ("account-linked", user, "vera-there")
        latest = client.options.session_store.activity(user.id, 1)[0]
        assert (latest.kind, latest.provider, latest.address) == ("linked", "zitadel", client.address)

    def test_whoever_comes_in_by_it_is_the_same_user(
        self, provider_app: Flask, client: ProviderClient, there: FaultyProvider
    ) -> None:
        client.get(begin(client, there))
        elsewhere = ProviderClient(provider_app, there)
        elsewhere.get(there.authorize(elsewhere.begin_sign_in("/", "zitadel").headers["Location"], OTHER))
        session = elsewhere.session()

        assert session is not None
        assert session["user"]["id"] == vera(client).id
        assert session["user"]["email"] == "visitor@example.org"

    def test_what_is_linked_already_gets_new_tokens_and_is_no_news(
        self, client: ProviderClient, there: FaultyProvider, sent_signals: SentSignals
    ) -> None:
        client.get(begin(client, there))
        sent_signals.clear()
        tokens = [account.tokens for account in client.options.adapter.list_accounts(vera(client).id)]
        answer = client.get(begin(client, there))
        again = [account.tokens for account in client.options.adapter.list_accounts(vera(client).id)]

        assert answer.headers["Location"] == f"{ORIGIN}{BACK}"
        assert (again[0], sent_signals) == (tokens[0], [])
        assert again[1]["access_token"] != tokens[1]["access_token"]
        kinds = [line.kind for line in client.options.session_store.activity(vera(client).id, 10)]
        assert kinds.count("linked") == 1

    def test_through_htmx_the_way_to_the_provider_is_in_a_header(self, client: ProviderClient) -> None:
        answer = client.submit(DOOR, headers=HTMX)

        assert answer.status_code == 204
        assert answer.headers["HX-Redirect"].startswith("http://127.0.0.1:")

    def test_the_provider_is_not_made_to_ask_anew(self, client: ProviderClient) -> None:
        asked = query(client.submit(DOOR).headers["Location"])

        assert not {"prompt", "max_age"} & asked.keys()

    def test_where_it_ends_is_not_where_the_next_sign_in_does(
        self, client: ProviderClient, there: FaultyProvider
    ) -> None:
        """It tells that something was linked."""
        client.get(begin(client, there))
        client.sign_out()

        assert "said=linked" not in client.get("/api/auth/signin").get_data(as_text=True)


class TestWhoMayBegin:
    def test_a_link_does_not(self, client: ProviderClient) -> None:
        """It is the developer's mistake to offer one."""
        assert client.get(DOOR).status_code == 500
        assert client.flow_cookies() == []

    def test_nor_a_form_without_the_token(self, client: ProviderClient) -> None:
        assert client.post(DOOR).status_code == 403
        assert client.flow_cookies() == []

    def test_nor_who_is_signed_out(self, provider_app: Flask, op: FaultyProvider) -> None:
        nobody = ProviderClient(provider_app, op)

        assert nobody.submit(DOOR).headers["Location"].startswith("/api/auth/signin?callbackUrl=")
        assert nobody.flow_cookies() == []

    @pytest.mark.parametrize(("seconds", "may"), [(LINK_MAX_AGE, True), (LINK_MAX_AGE + 1, False)])
    def test_nor_who_is_not_fresh(self, client: ProviderClient, seconds: int, may: bool) -> None:
        client.clock.advance(seconds)
        answer = client.submit(DOOR, headers={"Referer": f"{ORIGIN}/dashboard"})

        assert (len(client.flow_cookies()) == 1) is may
        assert may or answer.headers["Location"] == "/api/auth/signin?callbackUrl=%2Fdashboard&reason=fresh"

    def test_the_sign_in_door_does_not_link_whatever_a_form_says(
        self, client: ProviderClient, there: FaultyProvider
    ) -> None:
        mine = vera(client).id
        begun = client.submit("/api/auth/signin/zitadel", purpose="link", user_id=mine, callbackUrl="/")
        client.get(there.authorize(begun.headers["Location"], OTHER))

        assert accounts(client) == [("oidc", "visitor-1")]
        assert client.name() == "V. Visitor"

    def test_a_provider_that_is_not_on_is_explained(self, client: ProviderClient) -> None:
        answer = client.submit("/link/github")

        assert_refused(client, answer, "provider", 400)

    def test_a_provider_that_is_down_is_explained(self, client: ProviderClient, there: FaultyProvider) -> None:
        with there.down():
            assert_refused(client, client.submit(DOOR), "unavailable", 503)


class TestTheCallback:
    def test_somebody_else_s_way_in_stays_theirs(
        self, provider_app: Flask, client: ProviderClient, there: FaultyProvider
    ) -> None:
        owner = ProviderClient(provider_app, there)
        owner.get(there.authorize(owner.begin_sign_in("/", "zitadel").headers["Location"], OTHER))
        before = client.cookie(COOKIE)
        words = assert_refused(client, client.get(begin(client, there)), "linked-elsewhere", 403)

        assert "That account is in use here already" in words
        assert (client.cookie(COOKIE), owner.name()) == (before, "V. Visitor")

    def test_it_signs_nobody_in_whose_session_has_ended(self, client: ProviderClient, there: FaultyProvider) -> None:
        """Neither as the user whose flow it is nor as the one who came back."""
        back = begin(client, there)
        client.sign_out()
        words = assert_refused(client, client.get(back), "signed-out", 401)

        assert "You have been signed out in the meantime" in words
        assert client.session() is None

    def test_a_session_that_was_ended_from_elsewhere_is_none(
        self, client: ProviderClient, there: FaultyProvider
    ) -> None:
        back = begin(client, there)
        there.before["/token"] = lambda: revoke_all_sessions(vera(client).id, "ended", client.options)

        assert_refused(client, client.get(back), "signed-out", 401)

    def test_it_does_nothing_in_another_person_s_session(self, client: ProviderClient, there: FaultyProvider) -> None:
        back = begin(client, there)
        client.sign_in_as(**OTHER_USER)

        assert_refused(client, client.get(back), "another-person", 403)
        assert client.name() == "Rei Resident"
        other_user = client.options.adapter.get_user_by_account("oidc", "resident")
        assert other_user is not None
        assert len(client.options.adapter.list_accounts(other_user.id)) == 1

    def test_nor_in_another_person_s_browser(
        self, provider_app: Flask, client: ProviderClient, there: FaultyProvider
    ) -> None:
        """Whoever is made to follow somebody else's callback does not get their account linked to theirs."""
        back = begin(client, there)
        victim = ProviderClient(provider_app, client.op)
        victim.sign_in_as(**OTHER_USER)
        victim.get(back)

        assert there.codes == []
        assert accounts(client) == [("oidc", "visitor-1")]
        assert victim.name() == "Rei Resident"

    def test_nor_with_the_cookie_of_the_flow_in_another_person_s_browser(
        self, provider_app: Flask, client: ProviderClient, there: FaultyProvider
    ) -> None:
        back = begin(client, there)
        victim = ProviderClient(provider_app, client.op)
        victim.sign_in_as(**OTHER_USER)
        (flow,) = client.flow_cookies()
        victim.client.set_cookie(flow, str(client.cookie(flow)), domain="127.0.0.1")

        assert query(victim.get(back).headers["Location"])["reason"] == "another-person"
        assert accounts(client) == [("oidc", "visitor-1")]

    def test_a_disabled_user_gets_no_more_ways_in(self, client: ProviderClient, there: FaultyProvider) -> None:
        back = begin(client, there)
        (user,) = client.options.adapter.list_users()
        client.options.adapter.update_user(user.id, disabled=True)

        assert_refused(client, client.get(back), None, 403)

    @pytest.mark.parametrize(("answer", "landing"), [(False, None), ("/about?wait=1", f"{ORIGIN}/about?wait=1")])
    def test_the_application_has_its_say(
        self, client: ProviderClient, there: FaultyProvider, answer: Any, landing: str | None
    ) -> None:
        asked: list[tuple[User, Account]] = []
        back = begin(client, there)

        def sign_in(params: SignInParams) -> Any:
            asked.append((params.user, params.account))
            return answer

        set_callbacks(client, sign_in=sign_in)
        reply = client.get(back)

        assert accounts(client) == [("oidc", "visitor-1")]
        assert [(user, account.provider) for user, account in asked] == [(vera(client), "zitadel")]
        assert landing in (None, reply.headers["Location"])
        assert landing or query(reply.headers["Location"])["error"] == "AccessDenied"

    def test_declining_is_explained_without_an_offer_to_sign_in(
        self, client: ProviderClient, there: FaultyProvider
    ) -> None:
        there.faults.callback = "access-denied"
        words = assert_refused(client, client.get(begin(client, there)), "declined", 400)

        assert "/api/auth/signin/" not in words.split("<main")[-1]

    def test_one_that_comes_twice_links_once(
        self, client: ProviderClient, there: FaultyProvider, sent_signals: SentSignals
    ) -> None:
        back, cookies = begin(client, there), {"Cookie": client.cookie_header()}
        sent_signals.clear()
        clients = [client.app.test_client(use_cookies=False) for _ in range(4)]
        answers = run_parallel(
            *(lambda test_client=test_client: test_client.get(back, headers=cookies) for test_client in clients)
        )

        assert {answer.headers["Location"] for answer in answers} == {f"{ORIGIN}{BACK}"}
        assert (len(there.codes), len(sent_signals)) == (1, 1)
        assert accounts(client) == [("oidc", "visitor-1"), ("zitadel", "vera-there")]
