"""The application's say at a sign-in: whoever it does not want stays outside, and whatever it raises harms nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from genkan.callbacks import JWTParams, RedirectParams, SessionParams, SignInParams
from genkan.core import Pages
from genkan.errors import AccessDenied
from genkan.providers.base import ProfileUser
from genkan.types import Profile, Session, Token
from tests.core import with_callbacks
from tests.provider_client import COOKIE, RESIDENT, Heard, ProviderClient, failure_reason, listen_to, query, state_of

ORIGIN = "http://127.0.0.1:5000"


def fails(_: object) -> Any:
    raise RuntimeError("<script>of the application</script>")


@pytest.mark.parametrize("answer", [lambda _: False, lambda _: None, lambda _: "", fails])
def test_whoever_the_application_does_not_want_is_denied(
    visitor: ProviderClient, answer: Callable[..., Any], heard: Heard
) -> None:
    visitor.sign_in_as(**RESIDENT)
    heard.clear()
    listen_to(visitor, sign_in=answer)
    denied = visitor.sign_in_as()

    assert failure_reason(denied, visitor) is None
    assert query(denied.headers["Location"]) == {"error": "AccessDenied"}
    assert visitor.get(denied.headers["Location"]).status_code == 403
    assert (visitor.name(), visitor.flow_cookies(), heard) == ("Rei Resident", [], [])
    assert len(visitor.options.adapter.list_users()) == 1


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
    visitor: ProviderClient, elsewhere: str, landing: str
) -> None:
    listen_to(visitor, sign_in=lambda _: elsewhere)
    answer = visitor.sign_in_as()

    assert answer.headers["Location"] == landing
    assert (visitor.session(), visitor.flow_cookies(), visitor.options.adapter.list_users()) == (None, [], [])


def test_an_error_of_our_own_tree_keeps_its_code(visitor: ProviderClient) -> None:
    def deny(_: SignInParams) -> bool:
        raise AccessDenied("not today", reason="declined")

    listen_to(visitor, sign_in=deny)

    assert query(visitor.sign_in_as().headers["Location"])["error"] == "AccessDenied"


def test_no_token_is_no_session(visitor: ProviderClient, heard: Heard) -> None:
    listen_to(visitor, jwt=lambda _: None)
    answer = visitor.sign_in_as()

    assert failure_reason(answer, visitor) is None
    assert query(answer.headers["Location"])["error"] == "AccessDenied"
    assert visitor.session() is None
    assert "signed-in" not in dict(heard)


@pytest.mark.parametrize("callback", ["jwt", "session"])
def test_a_callback_that_fails_signs_nobody_in_and_nobody_out(
    visitor: ProviderClient, callback: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The application's words stay in the application."""
    visitor.sign_in_as(**RESIDENT)
    own = visitor.options.callbacks
    listen_to(visitor, **{callback: fails})
    answer = visitor.sign_in_as()
    listen_to(visitor, **{callback: getattr(own, callback)})

    assert failure_reason(answer, visitor) is None
    assert query(answer.headers["Location"])["error"] == "Configuration"
    assert "script" not in visitor.get(answer.headers["Location"]).get_data(as_text=True).split("<main")[-1]
    assert "of the application" not in caplog.text
    assert visitor.name() == "Rei Resident"
    visitor.sign_in_as()
    assert visitor.name() == "Vera Visitor"


def test_what_the_jwt_callback_adds_stays_and_what_it_says_of_time_does_not(visitor: ProviderClient) -> None:
    def jwt(params: JWTParams) -> Token:
        return {**params.token, "role": "owner", "colour": "blue", "exp": 9e9, "iat": 1, "session_start": 1}

    def session(params: SessionParams) -> Session:
        return replace(params.session, extra={"colour": params.token["colour"], "since": params.token["session_start"]})

    listen_to(visitor, jwt=jwt, session=session)
    visitor.sign_in_as()
    listen_to(visitor, jwt=lambda params: params.token)
    told = visitor.session()

    assert told is not None
    assert (told["colour"], told["since"]) == ("blue", int(visitor.clock.now))
    assert told["expires"] == "2026-12-18T11:06:40.000Z"


@pytest.mark.parametrize("redirect", [fails, lambda _: "javascript:alert(1)", lambda _: "https://[broken"])
def test_a_redirect_callback_that_fails_leads_to_the_front_page(
    visitor: ProviderClient, redirect: Callable[..., Any]
) -> None:
    listen_to(visitor, redirect=redirect)

    assert visitor.sign_in_as().headers["Location"] == ORIGIN
    assert visitor.name() == "Vera Visitor"


def test_the_redirect_callback_may_lead_to_another_site_of_the_owner(visitor: ProviderClient) -> None:
    def redirect(params: RedirectParams) -> str:
        return f"https://shop.example.org/?from={params.base_url}"

    listen_to(visitor, redirect=redirect)

    assert visitor.sign_in_as().headers["Location"] == f"https://shop.example.org/?from={ORIGIN}"


def test_newcomers_are_welcomed_on_a_page_of_their_own(visitor: ProviderClient) -> None:
    house = state_of(visitor.app)
    house.core = replace(house.core, pages=Pages(new_user="/about?welcome=1"))

    assert [visitor.sign_in_as().headers["Location"] for _ in range(2)] == [
        f"{ORIGIN}/about?welcome=1",
        f"{ORIGIN}/dashboard",
    ]


def test_a_mapping_that_fails_is_an_answer_that_could_not_be_read(visitor: ProviderClient) -> None:
    """Whoever adds a provider writes it, and no provider keeps its shape for ever."""

    def mapping(profile: Profile) -> ProfileUser:
        return ProfileUser(profile["no such claim"])

    house = state_of(visitor.app)
    providers = {"oidc": replace(house.core.providers["oidc"], profile=mapping)}
    house.core = replace(house.core, providers=providers)

    assert failure_reason(visitor.sign_in_as(), visitor) == "refused"


def test_the_callbacks_of_a_house_that_has_none_of_its_own_let_everybody_in(visitor: ProviderClient) -> None:
    house = state_of(visitor.app)
    house.core = with_callbacks(
        house.core,
    )
    visitor.sign_in_as()
    told = visitor.session()

    assert told is not None
    assert set(told["user"]) == {"name", "email", "image"}


def test_a_redirect_callback_that_says_nothing_leads_to_the_front_page(visitor: ProviderClient) -> None:
    listen_to(visitor, redirect=lambda _: None)

    assert visitor.sign_in_as().headers["Location"] == ORIGIN
    assert visitor.name() == "Vera Visitor"


def test_a_new_sign_in_ends_the_session_before_it_also_where_the_application_would_not_tell_of_it(
    visitor: ProviderClient,
) -> None:
    """A copy of the old cookie must not come back to life when the callback changes its mind (S1)."""
    visitor.sign_in_as(**RESIDENT)
    copied = visitor.cookie(COOKIE) or ""
    listen_to(visitor, session=lambda _: None)
    visitor.options.sessions.cache.clear()
    visitor.sign_in_as()
    listen_to(visitor, session=lambda params: params.session)
    visitor.client.set_cookie(COOKIE, copied, domain="127.0.0.1")

    assert visitor.name() is None
