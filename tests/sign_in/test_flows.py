"""A sign-in flow is bound to one browser, one provider and one use, and expires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask, Response

from genkan import auth
from genkan.crypto.sealer import CLOCK_TOLERANCE
from genkan.oauth.checks import FLOW_MAX_AGE, MAX_FLOWS
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, failure_reason, provider_env, query, run_parallel
from tests.servers.faulty.provider import FaultyProvider

ORIGIN = "http://127.0.0.1:5000"


def test_state_nonce_and_verifier_are_long_and_new_for_every_flow(client: ProviderClient) -> None:
    """43 characters of base64url hold 256 random bits. At least 128 are required."""
    for _ in range(3):
        client.sign_in_as()

    authorizations = client.op.authorizations
    verifiers = [call.body["code_verifier"] for call in client.op.calls if call.path == "/token"]
    secrets = [params[name] for params in authorizations for name in ("state", "nonce", "code_challenge")] + verifiers
    assert all(re.fullmatch(r"[\w-]{43}", secret) for secret in secrets)
    assert len(set(secrets)) == len(secrets) == 12
    assert {params["code_challenge_method"] for params in authorizations} == {"S256"}


def test_state_and_nonce_are_not_readable_in_the_flow_cookie(client: ProviderClient) -> None:
    params = query(client.start())

    assert params["state"] not in client.cookie_header()
    assert params["nonce"] not in client.cookie_header()


@contextmanager
def two_providers(make_app: MakeApp, op: FaultyProvider, clock: FrozenClock) -> Iterator[ProviderClient]:
    with FaultyProvider(clock=clock) as other:
        yield ProviderClient(make_app(**provider_env(op), **provider_env(other, "ZITADEL")), other)


def test_a_flow_is_valid_for_one_provider_only(make_app: MakeApp, op: FaultyProvider, clock: FrozenClock) -> None:
    """A flow started with one provider is refused at the callback of another (GHSA-x445-f3h2-j279)."""
    with two_providers(make_app, op, clock) as client:
        callback_url = op.authorize(client.start())

        assert (
            failure_reason(client.get(callback_url.replace("/callback/oidc", "/callback/zitadel")), client) == "expired"
        )
        assert op.codes == client.op.codes == []
        assert client.session() is None


def test_a_callback_with_the_issuer_of_another_provider_is_refused(
    make_app: MakeApp, op: FaultyProvider, clock: FrozenClock
) -> None:
    """Mix-up attack: the flow was started with one provider and the response names another (RFC 9207)."""
    with two_providers(make_app, op, clock) as client:
        state = query(client.start())["state"]
        callback_url = f"/api/auth/callback/oidc?state={state}&code=stolen&iss={client.op.issuer}"

        assert failure_reason(client.get(callback_url), client) == "refused"
        assert op.codes == client.op.codes == []


def test_a_flow_is_valid_only_in_the_browser_that_started_it(provider_app: Flask, client: ProviderClient) -> None:
    """A user who is made to follow another user's callback URL is not signed in (login CSRF)."""
    callback_url = client.callback_url()
    victim = ProviderClient(provider_app, client.op)
    victim.csrf_token()

    assert failure_reason(victim.get(callback_url), victim) == "expired"
    assert (victim.session(), client.op.codes) == (None, [])
    client.get(callback_url)
    assert client.name() == "Vera Visitor"


@pytest.mark.parametrize(("seconds", "in_time"), [(FLOW_MAX_AGE, True), (FLOW_MAX_AGE + CLOCK_TOLERANCE, False)])
def test_a_flow_expires_after_15_minutes(client: ProviderClient, seconds: int, in_time: bool) -> None:
    callback_url = client.callback_url()
    client.clock.advance(seconds)
    # A browser would have dropped the expired cookie, so it is sent explicitly.
    response = client.get(callback_url, headers={"Cookie": client.cookie_header()})

    assert (client.op.codes != []) is in_time
    assert in_time or failure_reason(response, client) == "expired"


def test_the_flow_cookie_has_the_max_age_of_the_flow(client: ProviderClient) -> None:
    (cookie,) = [
        line
        for line in client.begin_sign_in(provider="oidc").headers.getlist("Set-Cookie")
        if line.startswith("authjs.flow.")
    ]

    assert f"; Max-Age={FLOW_MAX_AGE};" in cookie
    assert cookie.endswith("; HttpOnly; SameSite=Lax")


def test_a_repeated_callback_redirects_to_the_same_url_as_the_first(client: ProviderClient) -> None:
    callback_url = client.callback_url("/about")
    first_response, repeated = client.get(callback_url), client.get(callback_url)

    assert first_response.headers["Location"] == repeated.headers["Location"] == f"{ORIGIN}/about"
    assert len(client.op.codes) == 1
    assert client.name() == "Vera Visitor"


def test_a_repeated_callback_with_copied_cookies_is_not_exchanged_again(client: ProviderClient) -> None:
    """An attacker may have the browser's history and a copy of its cookies."""
    callback_url = client.callback_url("/about")
    copied_cookies = client.cookie_header()
    client.get(callback_url)
    repeated = client.app.test_client(use_cookies=False).get(callback_url, headers={"Cookie": copied_cookies})

    assert repeated.headers["Location"] == f"{ORIGIN}/about"
    assert repeated.headers.getlist("Set-Cookie") == []
    assert len(client.op.codes) == 1


def test_a_used_flow_is_remembered_as_long_as_its_cookie_is_valid(client: ProviderClient) -> None:
    """The record of a used flow is purged when the flow expires, and not earlier."""
    callback_url = client.callback_url("/about")
    copied_cookies = client.cookie_header()
    client.get(callback_url)
    client.clock.advance(FLOW_MAX_AGE + CLOCK_TOLERANCE - 1)
    client.core.adapter.use_once("another-id", client.clock())
    calls = len(client.op.calls)
    repeated = client.app.test_client(use_cookies=False).get(callback_url, headers={"Cookie": copied_cookies})

    assert repeated.headers["Location"] == f"{ORIGIN}/about"
    assert repeated.headers.getlist("Set-Cookie") == []
    assert len(client.op.calls) == calls


def test_parallel_callbacks_exchange_the_code_once(client: ProviderClient) -> None:
    callback_url = client.callback_url()
    cookies = {"Cookie": client.cookie_header()}
    clients = [client.app.test_client(use_cookies=False) for _ in range(4)]
    responses = run_parallel(
        *(lambda test_client=test_client: test_client.get(callback_url, headers=cookies) for test_client in clients)
    )

    assert {response.headers["Location"] for response in responses} == {f"{ORIGIN}/dashboard"}
    signed_in = [response for response in responses if "authjs.session-token=" in str(response.headers)]
    assert (len(signed_in), len(client.op.codes), len(client.op.exchanges)) == (1, 1, 1)


def test_a_flow_is_used_up_by_a_failed_exchange(client: ProviderClient) -> None:
    """The provider may have accepted a code although its response was lost, so the code is not sent again."""
    client.op.faults.token = "reset"
    callback_url = client.callback_url()
    copied_cookies = {"Cookie": client.cookie_header()}
    client.get(callback_url)
    client.op.faults.token = None
    client.app.test_client(use_cookies=False).get(callback_url, headers=copied_cookies)

    assert len(client.op.codes) == 1


def test_a_head_request_does_not_use_up_the_callback(client: ProviderClient) -> None:
    """Link checkers and mail filters send HEAD before the user follows the link."""
    callback_url = client.callback_url()
    head = client.client.head(callback_url)

    assert (head.status_code, client.op.codes, len(client.flow_cookies())) == (405, [], 1)
    client.get(callback_url)
    assert client.name() == "Vera Visitor"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_sign_ins_in_two_tabs_finish_in_any_order(client: ProviderClient, order: tuple[int, int]) -> None:
    tabs = [client.callback_url("/about"), client.callback_url("/dashboard")]
    locations = [client.get(tabs[tab]).headers["Location"] for tab in order]

    assert locations == [f"{ORIGIN}/{('about', 'dashboard')[tab]}" for tab in order]
    assert client.name() == "Vera Visitor"
    assert (len(client.op.exchanges), client.flow_cookies()) == (2, [])


def test_only_the_newest_flows_are_kept(client: ProviderClient) -> None:
    tabs = [client.callback_url() for _ in range(MAX_FLOWS + 1)]

    assert len(client.flow_cookies()) == MAX_FLOWS
    assert failure_reason(client.get(tabs[0]), client) == "expired"
    for tab in tabs[1:]:
        client.get(tab)
    assert (len(client.op.exchanges), client.flow_cookies()) == (MAX_FLOWS, [])


def test_a_long_callback_url_still_fits_into_the_flow_cookie(client: ProviderClient) -> None:
    path = "/dashboard?q=" + "q" * 2000
    callback_url = client.callback_url(path)

    assert all(len(cookie) <= 4096 for cookie in client.cookie_header().split("; "))
    assert client.get(callback_url).headers["Location"] == f"{ORIGIN}{path}"


def test_a_browser_without_cookies_gets_an_error_when_the_sign_in_starts(client: ProviderClient) -> None:
    """The error does not say that the page expired, because opening it again would not help."""
    test_client = client.app.test_client(use_cookies=False)
    token = test_client.get("/api/auth/csrf", base_url=ORIGIN).get_json()["csrfToken"]
    response = test_client.post("/api/auth/signin/oidc", base_url=ORIGIN, data={"csrfToken": token})

    assert failure_reason(response, client) == "cookies"
    assert "Cookies are needed" in client.get(response.headers["Location"]).get_data(as_text=True)


def test_a_browser_that_loses_its_cookies_gets_an_error_at_the_callback(client: ProviderClient) -> None:
    callback_url = client.callback_url()
    response = client.app.test_client(use_cookies=False).get(callback_url)

    assert failure_reason(response, client) == "cookies"
    assert "Cookies are needed" in client.get(response.headers["Location"]).get_data(as_text=True)
    assert client.op.codes == []


@pytest.mark.parametrize("path", ["/api/auth/signin/oidc", "/api/auth/signin/oidc?csrfToken=1"])
def test_a_get_request_starts_no_flow(client: ProviderClient, path: str) -> None:
    response = client.get(path)

    assert failure_reason(response, client) is None
    assert (client.flow_cookies(), client.op.calls) == ([], [])


def test_a_planted_session_is_replaced_and_revoked_by_a_sign_in(provider_app: Flask, client: ProviderClient) -> None:
    """Session fixation: the attacker's token, planted in the browser, gives no access to the new session."""
    attacker = ProviderClient(provider_app, client.op)
    attacker.sign_in_as(sub="attacker", name="Atta Cker", email="attacker@example.org")
    planted = str(attacker.cookie("authjs.session-token"))
    client.client.set_cookie("authjs.session-token", planted, domain="127.0.0.1")
    client.sign_in_as()

    assert client.cookie("authjs.session-token") != planted
    assert (client.name(), attacker.name()) == ("Vera Visitor", None)


def test_an_error_posted_to_the_callback_is_explained(client: ProviderClient) -> None:
    """Providers with `response_mode=form_post` send errors this way (OpenID conformance suite)."""
    state = query(client.start())["state"]
    form = {"state": state, "iss": client.op.issuer, "error": "access_denied", "error_description": "No"}

    assert failure_reason(client.post("/api/auth/callback/oidc", data=form), client) == "declined"
    assert client.flow_cookies() == []


def test_a_callback_for_an_unknown_provider_is_explained(client: Browser) -> None:
    assert failure_reason(client.get("/api/auth/callback/nobody?state=s&code=c"), client) == "provider"


def test_a_callback_sets_one_session_cookie_although_hooks_read_the_session(
    provider_app: Flask, client: ProviderClient
) -> None:
    """The old session is due for an extension but revoked by the sign-in. Hooks after the callback see no session."""
    has_session: list[bool] = []

    def read_session(response: Response | None = None) -> Response | None:
        has_session.append(auth() is not None)
        return response

    provider_app.before_request(read_session)
    provider_app.after_request(read_session)
    client.sign_in_as()
    client.clock.advance(client.core.sessions.config.update_age)
    callback_url = client.callback_url()
    has_session.clear()
    response = client.get(callback_url)

    assert has_session == [True, False]
    cookies = response.headers.getlist("Set-Cookie")
    assert len([line for line in cookies if line.startswith("authjs.session-token=")]) == 1
    assert client.name() == "Vera Visitor"


def test_a_declined_sign_in_returns_to_the_callback_url_of_its_own_tab(client: ProviderClient) -> None:
    """The sign-in of the other tab, which started later, continues."""
    first_response, second = client.start("/dashboard?x=1"), client.start("/account")
    params = {"error": "access_denied", "state": query(first_response)["state"], "iss": client.op.issuer}
    refused = client.get("/api/auth/callback/oidc", query_string=params)
    assert "callbackUrl=%2Fdashboard%3Fx%3D1" in client.get(refused.headers["Location"]).text

    assert client.get(client.op.authorize(second)).headers["Location"].endswith("/account")
