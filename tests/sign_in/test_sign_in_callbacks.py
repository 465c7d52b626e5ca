"""Callbacks of the application during a sign-in: what they can deny or change, and what happens when they raise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from genkan.callbacks import Callbacks, JWTParams, RedirectParams, SessionParams, SignInParams
from genkan.core import Pages
from genkan.errors import AccessDenied
from genkan.providers.base import ProfileUser
from genkan.types import Profile, Session, Token
from tests.core import with_callback
from tests.provider_client import (
    COOKIE,
    OTHER_USER,
    ProviderClient,
    SentSignals,
    failure_reason,
    get_state,
    query,
    set_callbacks,
)

ORIGIN = "http://127.0.0.1:5000"


def raise_error(_: object) -> Any:
    raise RuntimeError("<script>from the callback</script>")


@pytest.mark.parametrize("callback", [lambda _: False, lambda _: None, lambda _: "", raise_error])
def test_a_user_denied_by_the_sign_in_callback_gets_no_session(
    client: ProviderClient, callback: Callable[..., Any], sent_signals: SentSignals
) -> None:
    client.sign_in_as(**OTHER_USER)
    sent_signals.clear()
    set_callbacks(client, sign_in=callback)
    denied = client.sign_in_as()

    assert failure_reason(denied, client) is None
    assert query(denied.headers["Location"]) == {"error": "AccessDenied"}
    assert client.get(denied.headers["Location"]).status_code == 403
    assert (client.name(), client.flow_cookies(), sent_signals) == ("Rei Resident", [], [])
    assert len(client.core.adapter.list_users()) == 1


@pytest.mark.parametrize(
    ("result", "location"),
    [
        ("/about?wait=1", f"{ORIGIN}/about?wait=1"),
        (f"{ORIGIN}/about", f"{ORIGIN}/about"),
        ("https://elsewhere.example/", ORIGIN),
        ("javascript:alert(1)", ORIGIN),
    ],
)
def test_the_sign_in_callback_can_redirect_without_a_session(
    client: ProviderClient, result: str, location: str
) -> None:
    set_callbacks(client, sign_in=lambda _: result)
    response = client.sign_in_as()

    assert response.headers["Location"] == location
    assert (client.session(), client.flow_cookies(), client.core.adapter.list_users()) == (None, [], [])


def test_an_auth_error_raised_by_a_callback_keeps_its_code(client: ProviderClient) -> None:
    def deny(_: SignInParams) -> bool:
        raise AccessDenied("not today", reason="declined")

    set_callbacks(client, sign_in=deny)

    assert query(client.sign_in_as().headers["Location"])["error"] == "AccessDenied"


def test_a_jwt_callback_that_returns_none_denies_the_sign_in(client: ProviderClient, sent_signals: SentSignals) -> None:
    set_callbacks(client, jwt=lambda _: None)
    response = client.sign_in_as()

    assert failure_reason(response, client) is None
    assert query(response.headers["Location"])["error"] == "AccessDenied"
    assert client.session() is None
    assert "signed-in" not in dict(sent_signals)


@pytest.mark.parametrize("callback", ["jwt", "session"])
def test_a_failing_callback_creates_no_session_and_keeps_the_old_one(
    client: ProviderClient, callback: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The text of the exception is neither shown nor logged."""
    client.sign_in_as(**OTHER_USER)
    original = client.core.callbacks
    set_callbacks(client, **{callback: raise_error})
    response = client.sign_in_as()
    set_callbacks(client, **{callback: getattr(original, callback)})

    assert failure_reason(response, client) is None
    assert query(response.headers["Location"])["error"] == "Configuration"
    assert "script" not in client.get(response.headers["Location"]).get_data(as_text=True).split("<main")[-1]
    assert "from the callback" not in caplog.text
    assert client.name() == "Rei Resident"
    client.sign_in_as()
    assert client.name() == "Vera Visitor"


def test_the_jwt_callback_can_add_claims_but_not_change_times(client: ProviderClient) -> None:
    def jwt(params: JWTParams) -> Token:
        return {**params.token, "role": "owner", "colour": "blue", "exp": 9e9, "iat": 1, "session_start": 1}

    def session(params: SessionParams) -> Session:
        return replace(params.session, extra={"colour": params.token["colour"], "since": params.token["session_start"]})

    set_callbacks(client, jwt=jwt, session=session)
    client.sign_in_as()
    set_callbacks(client, jwt=lambda params: params.token)
    current = client.session()

    assert current is not None
    assert (current["colour"], current["since"]) == ("blue", int(client.clock.now))
    assert current["expires"] == "2026-12-18T11:06:40.000Z"


@pytest.mark.parametrize("redirect", [raise_error, lambda _: "javascript:alert(1)", lambda _: "https://[broken"])
def test_a_failing_redirect_callback_leads_to_the_front_page(
    client: ProviderClient, redirect: Callable[..., Any]
) -> None:
    set_callbacks(client, redirect=redirect)

    assert client.sign_in_as().headers["Location"] == ORIGIN
    assert client.name() == "Vera Visitor"


def test_the_redirect_callback_may_lead_to_another_site(client: ProviderClient) -> None:
    def redirect(params: RedirectParams) -> str:
        return f"https://shop.example.org/?from={params.base_url}"

    set_callbacks(client, redirect=redirect)

    assert client.sign_in_as().headers["Location"] == f"https://shop.example.org/?from={ORIGIN}"


def test_new_users_are_redirected_to_the_new_user_page(client: ProviderClient) -> None:
    state = get_state(client.app)
    state.core = replace(state.core, pages=Pages(new_user="/about?welcome=1"))

    assert [client.sign_in_as().headers["Location"] for _ in range(2)] == [
        f"{ORIGIN}/about?welcome=1",
        f"{ORIGIN}/dashboard",
    ]


def test_a_failing_profile_mapping_refuses_the_sign_in(client: ProviderClient) -> None:
    """The profile of a provider may change its shape."""

    def mapping(profile: Profile) -> ProfileUser:
        return ProfileUser(profile["no such claim"])

    state = get_state(client.app)
    providers = {"oidc": replace(state.core.providers["oidc"], profile=mapping)}
    state.core = replace(state.core, providers=providers)

    assert failure_reason(client.sign_in_as(), client) == "refused"


def test_the_default_callbacks_allow_every_sign_in(client: ProviderClient) -> None:
    state = get_state(client.app)
    default = Callbacks()
    state.core = with_callback(state.core, sign_in=default.sign_in, jwt=default.jwt, session=default.session)
    client.sign_in_as()
    session = client.session()

    assert session is not None
    assert set(session["user"]) == {"name", "email", "image"}


def test_a_redirect_callback_that_returns_none_leads_to_the_front_page(client: ProviderClient) -> None:
    set_callbacks(client, redirect=lambda _: None)

    assert client.sign_in_as().headers["Location"] == ORIGIN
    assert client.name() == "Vera Visitor"


def test_a_new_sign_in_revokes_the_old_session_even_when_the_session_callback_hides_it(
    client: ProviderClient,
) -> None:
    """A copy of the old cookie must stay invalid when the callback later returns the session again."""
    client.sign_in_as(**OTHER_USER)
    copied = client.cookie(COOKIE) or ""
    set_callbacks(client, session=lambda _: None)
    client.core.sessions.cache.clear()
    client.sign_in_as()
    set_callbacks(client, session=lambda params: params.session)
    client.client.set_cookie(COOKIE, copied, domain="127.0.0.1")

    assert client.name() is None
