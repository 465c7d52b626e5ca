"""A sign-in on its way belongs to one browser, one provider and one use, and to nobody for long (O1, O2, F19, F22)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask, Response

from auth import auth
from genkan.crypto.sealer import CLOCK_TOLERANCE
from genkan.oauth.checks import FLOW_MAX_AGE, MAX_FLOWS
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, failure_reason, provider_env, query, run_parallel
from tests.servers.faulty.provider import FaultyProvider

ORIGIN = "http://127.0.0.1:5000"


def test_state_nonce_and_verifier_are_long_and_new_for_every_flow(client: ProviderClient) -> None:
    """43 characters of base64url hold 256 random bits; O1 asks for 128."""
    for _ in range(3):
        client.sign_in_as()

    sent = client.op.authorizations
    verifiers = [call.body["code_verifier"] for call in client.op.calls if call.path == "/token"]
    secrets = [asked[name] for asked in sent for name in ("state", "nonce", "code_challenge")] + verifiers
    assert all(re.fullmatch(r"[\w-]{43}", secret) for secret in secrets)
    assert len(set(secrets)) == len(secrets) == 12
    assert {asked["code_challenge_method"] for asked in sent} == {"S256"}


def test_none_of_the_secrets_can_be_read_from_the_cookie(client: ProviderClient) -> None:
    asked = query(client.start())

    assert asked["state"] not in client.cookie_header()
    assert asked["nonce"] not in client.cookie_header()


@contextmanager
def two_providers(make_app: MakeApp, op: FaultyProvider, clock: FrozenClock) -> Iterator[ProviderClient]:
    with FaultyProvider(clock=clock) as other:
        yield ProviderClient(make_app(**provider_env(op), **provider_env(other, "ZITADEL")), other)


def test_a_flow_is_good_for_one_provider_only(make_app: MakeApp, op: FaultyProvider, clock: FrozenClock) -> None:
    """What was begun with one is not taken at the other's callback (GHSA-x445-f3h2-j279)."""
    with two_providers(make_app, op, clock) as client:
        back = op.authorize(client.start())

        assert failure_reason(client.get(back.replace("/callback/oidc", "/callback/zitadel")), client) == "expired"
        assert op.codes == client.op.codes == []
        assert client.session() is None


def test_another_provider_s_answer_is_not_taken_to_this_one(
    make_app: MakeApp, op: FaultyProvider, clock: FrozenClock
) -> None:
    """The mix-up: the visitor went to one provider, and the answer names another (RFC 9207)."""
    with two_providers(make_app, op, clock) as client:
        mixed = query(client.start())["state"]
        back = f"/api/auth/callback/oidc?state={mixed}&code=stolen&iss={client.op.issuer}"

        assert failure_reason(client.get(back), client) == "refused"
        assert op.codes == client.op.codes == []


def test_a_flow_is_good_for_the_browser_that_began_it_only(provider_app: Flask, client: ProviderClient) -> None:
    """Whoever is made to follow somebody else's callback is not signed in as them."""
    back = client.callback_url()
    victim = ProviderClient(provider_app, client.op)
    victim.csrf_token()

    assert failure_reason(victim.get(back), victim) == "expired"
    assert (victim.session(), client.op.codes) == (None, [])
    client.get(back)
    assert client.name() == "Vera Visitor"


@pytest.mark.parametrize(("seconds", "in_time"), [(FLOW_MAX_AGE, True), (FLOW_MAX_AGE + CLOCK_TOLERANCE, False)])
def test_a_flow_lasts_a_quarter_of_an_hour(client: ProviderClient, seconds: int, in_time: bool) -> None:
    back = client.callback_url()
    client.clock.advance(seconds)
    # The browser would have dropped the cookie by its own clock; here one that did not.
    answer = client.get(back, headers={"Cookie": client.cookie_header()})

    assert (client.op.codes != []) is in_time
    assert in_time or failure_reason(answer, client) == "expired"


def test_the_cookie_of_a_flow_says_how_long_it_lasts(client: ProviderClient) -> None:
    (cookie,) = [
        line
        for line in client.begin_sign_in(provider="oidc").headers.getlist("Set-Cookie")
        if line.startswith("authjs.flow.")
    ]

    assert f"; Max-Age={FLOW_MAX_AGE};" in cookie
    assert cookie.endswith("; HttpOnly; SameSite=Lax")


def test_a_callback_that_comes_again_leads_to_where_the_first_one_did(client: ProviderClient) -> None:
    back = client.callback_url("/about")
    first, again = client.get(back), client.get(back)

    assert first.headers["Location"] == again.headers["Location"] == f"{ORIGIN}/about"
    assert len(client.op.codes) == 1
    assert client.name() == "Vera Visitor"


def test_a_callback_that_comes_again_with_its_old_cookies_is_not_exchanged_again(client: ProviderClient) -> None:
    """As from somebody who reads the history of a browser and has a copy of its cookies."""
    back = client.callback_url("/about")
    copied = client.cookie_header()
    client.get(back)
    again = client.app.test_client(use_cookies=False).get(back, headers={"Cookie": copied})

    assert again.headers["Location"] == f"{ORIGIN}/about"
    assert again.headers.getlist("Set-Cookie") == []
    assert len(client.op.codes) == 1


def test_that_holds_for_as_long_as_its_cookie_does_whatever_is_tidied_up_meanwhile(client: ProviderClient) -> None:
    """What was used up is forgotten when nobody can bring it any more, and not before (O14)."""
    back = client.callback_url("/about")
    copied = client.cookie_header()
    client.get(back)
    client.clock.advance(FLOW_MAX_AGE + CLOCK_TOLERANCE - 1)
    client.options.adapter.spend("whoever writes there tidies up", client.clock())
    asked = len(client.op.calls)
    again = client.app.test_client(use_cookies=False).get(back, headers={"Cookie": copied})

    assert again.headers["Location"] == f"{ORIGIN}/about"
    assert again.headers.getlist("Set-Cookie") == []
    assert len(client.op.calls) == asked


def test_a_callback_that_comes_twice_at_once_spends_the_code_once(client: ProviderClient) -> None:
    back = client.callback_url()
    cookies = {"Cookie": client.cookie_header()}
    clients = [client.app.test_client(use_cookies=False) for _ in range(4)]
    answers = run_parallel(
        *(lambda test_client=test_client: test_client.get(back, headers=cookies) for test_client in clients)
    )

    assert {answer.headers["Location"] for answer in answers} == {f"{ORIGIN}/dashboard"}
    signed_in = [answer for answer in answers if "authjs.session-token=" in str(answer.headers)]
    assert (len(signed_in), len(client.op.codes), len(client.op.exchanges)) == (1, 1, 1)


def test_a_failed_flow_is_spent_as_well(client: ProviderClient) -> None:
    """A code that was sent and got no answer may have been taken: it is not sent again (F5)."""
    client.op.faults.token = "reset"
    back = client.callback_url()
    copied = {"Cookie": client.cookie_header()}
    client.get(back)
    client.op.faults.token = None
    client.app.test_client(use_cookies=False).get(back, headers=copied)

    assert len(client.op.codes) == 1


def test_looking_at_a_callback_spends_nothing(client: ProviderClient) -> None:
    """Link checkers and mail filters ask with HEAD before the person does."""
    back = client.callback_url()
    looked = client.client.head(back)

    assert (looked.status_code, client.op.codes, len(client.flow_cookies())) == (405, [], 1)
    client.get(back)
    assert client.name() == "Vera Visitor"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_tabs_finish_in_any_order(client: ProviderClient, order: tuple[int, int]) -> None:
    tabs = [client.callback_url("/about"), client.callback_url("/dashboard")]
    landings = [client.get(tabs[tab]).headers["Location"] for tab in order]

    assert landings == [f"{ORIGIN}/{('about', 'dashboard')[tab]}" for tab in order]
    assert client.name() == "Vera Visitor"
    assert (len(client.op.exchanges), client.flow_cookies()) == (2, [])


def test_the_oldest_of_many_abandoned_tabs_is_forgotten(client: ProviderClient) -> None:
    tabs = [client.callback_url() for _ in range(MAX_FLOWS + 1)]

    assert len(client.flow_cookies()) == MAX_FLOWS
    assert failure_reason(client.get(tabs[0]), client) == "expired"
    for tab in tabs[1:]:
        client.get(tab)
    assert (len(client.op.exchanges), client.flow_cookies()) == (MAX_FLOWS, [])


def test_the_longest_way_back_still_fits_into_a_cookie(client: ProviderClient) -> None:
    path = "/dashboard?q=" + "q" * 2000
    back = client.callback_url(path)

    assert all(len(cookie) <= 4096 for cookie in client.cookie_header().split("; "))
    assert client.get(back).headers["Location"] == f"{ORIGIN}{path}"


def test_a_browser_without_cookies_is_told_at_the_button(client: ProviderClient) -> None:
    """Not that its page was open for too long, which would send it round in a circle (F30)."""
    test_client = client.app.test_client(use_cookies=False)
    token = test_client.get("/api/auth/csrf", base_url=ORIGIN).get_json()["csrfToken"]
    answer = test_client.post("/api/auth/signin/oidc", base_url=ORIGIN, data={"csrfToken": token})

    assert failure_reason(answer, client) == "cookies"
    assert "Cookies are needed" in client.get(answer.headers["Location"]).get_data(as_text=True)


def test_a_browser_that_drops_its_cookies_is_told_at_the_callback(client: ProviderClient) -> None:
    back = client.callback_url()
    answer = client.app.test_client(use_cookies=False).get(back)

    assert failure_reason(answer, client) == "cookies"
    assert "Cookies are needed" in client.get(answer.headers["Location"]).get_data(as_text=True)
    assert client.op.codes == []


@pytest.mark.parametrize("path", ["/api/auth/signin/oidc", "/api/auth/signin/oidc?csrfToken=1"])
def test_a_link_starts_nothing(client: ProviderClient, path: str) -> None:
    answer = client.get(path)

    assert failure_reason(answer, client) is None
    assert (client.flow_cookies(), client.op.calls) == ([], [])


def test_a_planted_session_does_not_outlive_a_sign_in(provider_app: Flask, client: ProviderClient) -> None:
    """Whoever put their own token into somebody's browser learns nothing of what comes after, and it is dead (S1)."""
    attacker = ProviderClient(provider_app, client.op)
    attacker.sign_in_as(sub="attacker", name="Atta Cker", email="attacker@example.org")
    planted = str(attacker.cookie("authjs.session-token"))
    client.client.set_cookie("authjs.session-token", planted, domain="127.0.0.1")
    client.sign_in_as()

    assert client.cookie("authjs.session-token") != planted
    assert (client.name(), attacker.name()) == ("Vera Visitor", None)


def test_an_error_that_is_posted_to_the_callback_is_explained(client: ProviderClient) -> None:
    """Providers with `response_mode=form_post` do that (conformance suite)."""
    state = query(client.start())["state"]
    form = {"state": state, "iss": client.op.issuer, "error": "access_denied", "error_description": "No"}

    assert failure_reason(client.post("/api/auth/callback/oidc", data=form), client) == "declined"
    assert client.flow_cookies() == []


def test_a_callback_for_a_provider_nobody_knows_is_explained(client: Browser) -> None:
    assert failure_reason(client.get("/api/auth/callback/nobody?state=s&code=c"), client) == "provider"


def test_the_answer_to_a_callback_sets_one_session_though_the_application_asked_before_who_is_there(
    provider_app: Flask, client: ProviderClient
) -> None:
    """The session of before is due to be prolonged; it is over, and what comes after the new one knows of neither."""
    told: list[bool] = []

    def ask(response: Response | None = None) -> Response | None:
        told.append(auth() is not None)
        return response

    provider_app.before_request(ask)
    provider_app.after_request(ask)
    client.sign_in_as()
    client.clock.advance(client.options.session_config.update_age)
    back = client.callback_url()
    told.clear()
    answer = client.get(back)

    assert told == [True, False]
    cookies = answer.headers.getlist("Set-Cookie")
    assert len([line for line in cookies if line.startswith("authjs.session-token=")]) == 1
    assert client.name() == "Vera Visitor"


def test_who_refuses_in_one_tab_is_led_where_that_tab_wanted_to_go(client: ProviderClient) -> None:
    """And not where the other tab wants to go, whose sign-in was begun later and goes on."""
    first, second = client.start("/dashboard?x=1"), client.start("/account")
    answer = {"error": "access_denied", "state": query(first)["state"], "iss": client.op.issuer}
    refused = client.get("/api/auth/callback/oidc", query_string=answer)
    assert "callbackUrl=%2Fdashboard%3Fx%3D1" in client.get(refused.headers["Location"]).text

    assert client.get(client.op.authorize(second)).headers["Location"].endswith("/account")
