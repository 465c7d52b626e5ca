"""The application's say at a sign-in: whoever it does not want stays outside, and whatever it raises harms nobody else."""

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


def fails(_: object) -> Any:
    raise RuntimeError("<script>of the application</script>")


@pytest.mark.parametrize("answer", [lambda _: False, lambda _: None, lambda _: "", fails])
def test_whoever_the_application_does_not_want_is_denied(
    client: ProviderClient, answer: Callable[..., Any], sent_signals: SentSignals
) -> None:
    client.sign_in_as(**OTHER_USER)
    sent_signals.clear()
    set_callbacks(client, sign_in=answer)
    denied = client.sign_in_as()

    assert failure_reason(denied, client) is None
    assert query(denied.headers["Location"]) == {"error": "AccessDenied"}
    assert client.get(denied.headers["Location"]).status_code == 403
    assert (client.name(), client.flow_cookies(), sent_signals) == ("Rei Resident", [], [])
    assert len(client.options.adapter.list_users()) == 1


@pytest.mark.parametrize(
    ("elsewhere", "landing"),
    [
        ("/about?wait=1", f"{ORIGIN}/about?wait=1"),
        (f"{ORIGIN}/about", f"{ORIGIN}/about"),
        ("https://elsewhere.example/", ORIGIN),
        ("javascript:alert(1)", ORIGIN),
    ],
)
def test_the_sign_in_callback_can_send_somebody_elsewhere_without_a_session(
    client: ProviderClient, elsewhere: str, landing: str
) -> None:
    set_callbacks(client, sign_in=lambda _: elsewhere)
    answer = client.sign_in_as()

    assert answer.headers["Location"] == landing
    assert (client.session(), client.flow_cookies(), client.options.adapter.list_users()) == (None, [], [])


def test_an_error_of_our_own_tree_keeps_its_code(client: ProviderClient) -> None:
    def deny(_: SignInParams) -> bool:
        raise AccessDenied("not today", reason="declined")

    set_callbacks(client, sign_in=deny)

    assert query(client.sign_in_as().headers["Location"])["error"] == "AccessDenied"


def test_no_token_is_no_session(client: ProviderClient, sent_signals: SentSignals) -> None:
    set_callbacks(client, jwt=lambda _: None)
    answer = client.sign_in_as()

    assert failure_reason(answer, client) is None
    assert query(answer.headers["Location"])["error"] == "AccessDenied"
    assert client.session() is None
    assert "signed-in" not in dict(sent_signals)


@pytest.mark.parametrize("callback", ["jwt", "session"])
def test_a_callback_that_fails_signs_nobody_in_and_nobody_out(
    client: ProviderClient, callback: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The application's words stay in the application."""
    client.sign_in_as(**OTHER_USER)
    own = client.options.callbacks
    set_callbacks(client, **{callback: fails})
    answer = client.sign_in_as()
    set_callbacks(client, **{callback: getattr(own, callback)})

    assert failure_reason(answer, client) is None
    assert query(answer.headers["Location"])["error"] == "Configuration"
    assert "script" not in client.get(answer.headers["Location"]).get_data(as_text=True).split("<main")[-1]
    assert "of the application" not in caplog.text
    assert client.name() == "Rei Resident"
    client.sign_in_as()
    assert client.name() == "Vera Visitor"


def test_what_the_jwt_callback_adds_stays_and_what_it_says_of_time_does_not(client: ProviderClient) -> None:
    def jwt(params: JWTParams) -> Token:
        return {**params.token, "role": "owner", "colour": "blue", "exp": 9e9, "iat": 1, "auth_time": 1}

    def session(params: SessionParams) -> Session:
        return replace(params.session, extra={"colour": params.token["colour"], "since": params.token["auth_time"]})

    set_callbacks(client, jwt=jwt, session=session)
    client.sign_in_as()
    set_callbacks(client, jwt=lambda params: params.token)
    told = client.session()

    assert told is not None
    assert (told["colour"], told["since"]) == ("blue", int(client.clock.now))
    assert told["expires"] == "2026-12-18T11:06:40.000Z"


@pytest.mark.parametrize("redirect", [fails, lambda _: "javascript:alert(1)", lambda _: "https://[broken"])
def test_a_redirect_callback_that_fails_leads_to_the_front_page(
    client: ProviderClient, redirect: Callable[..., Any]
) -> None:
    set_callbacks(client, redirect=redirect)

    assert client.sign_in_as().headers["Location"] == ORIGIN
    assert client.name() == "Vera Visitor"


def test_the_redirect_callback_may_lead_to_another_site_of_the_owner(client: ProviderClient) -> None:
    def redirect(params: RedirectParams) -> str:
        return f"https://shop.example.org/?from={params.base_url}"

    set_callbacks(client, redirect=redirect)

    assert client.sign_in_as().headers["Location"] == f"https://shop.example.org/?from={ORIGIN}"


def test_newcomers_are_welcomed_on_a_page_of_their_own(client: ProviderClient) -> None:
    state = get_state(client.app)
    state.core = replace(state.core, pages=Pages(new_user="/about?welcome=1"))

    assert [client.sign_in_as().headers["Location"] for _ in range(2)] == [
        f"{ORIGIN}/about?welcome=1",
        f"{ORIGIN}/dashboard",
    ]


def test_a_mapping_that_fails_is_an_answer_that_could_not_be_read(client: ProviderClient) -> None:
    """Whoever adds a provider writes it, and no provider keeps its shape for ever."""

    def mapping(profile: Profile) -> ProfileUser:
        return ProfileUser(profile["no such claim"])

    state = get_state(client.app)
    providers = {"oidc": replace(state.core.providers["oidc"], profile=mapping)}
    state.core = replace(state.core, providers=providers)

    assert failure_reason(client.sign_in_as(), client) == "refused"


def test_the_callbacks_of_a_house_that_has_none_of_its_own_let_everybody_in(client: ProviderClient) -> None:
    state = get_state(client.app)
    state.core = replace(state.core, callbacks=Callbacks())
    client.sign_in_as()
    told = client.session()

    assert told is not None
    assert set(told["user"]) == {"name", "email", "image"}


def test_a_redirect_callback_that_says_nothing_leads_to_the_front_page(client: ProviderClient) -> None:
    set_callbacks(client, redirect=lambda _: None)

    assert client.sign_in_as().headers["Location"] == ORIGIN
    assert client.name() == "Vera Visitor"


def test_a_new_sign_in_ends_the_session_before_it_also_where_the_application_would_not_tell_of_it(
    client: ProviderClient,
) -> None:
    """A copy of the old cookie must not come back to life when the callback changes its mind (S1)."""
    client.sign_in_as(**OTHER_USER)
    copied = client.cookie(COOKIE) or ""
    set_callbacks(client, session=lambda _: None)
    client.options.session_cache.clear()
    client.sign_in_as()
    set_callbacks(client, session=lambda params: params.session)
    client.client.set_cookie(COOKIE, copied, domain="127.0.0.1")

    assert client.name() is None
