"""Return from the provider after its logout: the state and its cookie, and where it leads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genkan.crypto.sealer import CLOCK_TOLERANCE
from genkan.oauth.logout import LOGOUT_STATE_MAX_AGE
from tests.conftest import ORIGIN
from tests.provider_client import OTHER_USER, ProviderClient, get_state, query
from tests.sign_out.provider_logout.logout_steps import COOKIE, RETURN, return_url, submit_sign_out


@pytest.mark.parametrize(
    "state", ["", "?state=", "?state=another", "?state=%00", "?state=%ff", "?x=1", "?state=a&state=b"]
)
def test_a_return_with_a_wrong_state_or_none_redirects_to_the_front_page(
    signed_in_client: ProviderClient, state: str
) -> None:
    """OpenID conformance suite: rp-init-logout-no-state and rp-init-logout-other-state."""
    submit_sign_out(signed_in_client)
    response = signed_in_client.get(RETURN + state)

    assert (response.status_code, response.headers["Location"]) == (302, ORIGIN)
    assert signed_in_client.session() is None


def test_a_repeated_return_redirects_to_the_front_page(signed_in_client: ProviderClient) -> None:
    url = return_url(submit_sign_out(signed_in_client).headers["Location"], signed_in_client.op)

    assert [signed_in_client.get(url).headers["Location"] for _ in range(3)] == [f"{ORIGIN}/about", ORIGIN, ORIGIN]


def test_a_return_in_another_browser_or_too_late_redirects_to_the_front_page(signed_in_client: ProviderClient) -> None:
    url = return_url(submit_sign_out(signed_in_client).headers["Location"], signed_in_client.op)
    other_client = ProviderClient(signed_in_client.app, signed_in_client.op)
    other_client.sign_in_as(**OTHER_USER)
    assert other_client.get(url).headers["Location"] == ORIGIN
    assert other_client.name() == "Rei Resident"

    signed_in_client.clock.advance(LOGOUT_STATE_MAX_AGE + CLOCK_TOLERANCE)
    assert signed_in_client.get(url).headers["Location"] == ORIGIN


@pytest.mark.parametrize("value", ["", "nonsense", "a.b.c.d.e", "x" * 4000])
def test_an_invalid_state_cookie_is_ignored_and_deleted(signed_in_client: ProviderClient, value: str) -> None:
    signed_in_client.client.set_cookie(COOKIE, value, domain="127.0.0.1")
    response = signed_in_client.get(f"{RETURN}?state=a")

    assert response.headers["Location"] == ORIGIN
    assert signed_in_client.cookie(COOKIE) is None
    assert signed_in_client.name() == "Vera Visitor"


def test_a_flow_cookie_is_not_a_logout_state_cookie(signed_in_client: ProviderClient) -> None:
    """Each purpose has its own key."""
    started = query(signed_in_client.start("/dashboard"))
    (flow,) = signed_in_client.flow_cookies()
    signed_in_client.client.set_cookie(COOKIE, signed_in_client.cookie(flow) or "", domain="127.0.0.1")

    assert signed_in_client.get(f"{RETURN}?state={started['state']}").headers["Location"] == ORIGIN


@pytest.mark.parametrize(
    "callback_url", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_the_return_never_leads_to_another_site(signed_in_client: ProviderClient, callback_url: str) -> None:
    url = return_url(submit_sign_out(signed_in_client, callback_url).headers["Location"], signed_in_client.op)

    assert (
        signed_in_client.get(url).headers["Location"].startswith(f"{ORIGIN}/")
        or signed_in_client.get(url).headers["Location"] == ORIGIN
    )


def test_a_callback_url_too_long_for_the_cookie_becomes_the_front_page(signed_in_client: ProviderClient) -> None:
    state = get_state(signed_in_client.app)
    long_url = f"{ORIGIN}/{'x' * 4000}"
    state.core = replace(state.core, callbacks=replace(state.core.callbacks, redirect=lambda _: long_url))
    response = submit_sign_out(signed_in_client)

    assert all(len(header) < 4096 for header in response.headers.getlist("Set-Cookie"))
    assert (
        signed_in_client.get(return_url(response.headers["Location"], signed_in_client.op)).headers["Location"]
        == ORIGIN
    )


def test_the_logout_state_cookie_is_http_only_and_short_lived(signed_in_client: ProviderClient) -> None:
    (header,) = [
        header
        for header in submit_sign_out(signed_in_client).headers.getlist("Set-Cookie")
        if header.startswith(COOKIE)
    ]

    assert header.split("; ")[1:3] == [f"Max-Age={LOGOUT_STATE_MAX_AGE}", "Path=/"]
    assert header.endswith("HttpOnly; SameSite=Lax")
