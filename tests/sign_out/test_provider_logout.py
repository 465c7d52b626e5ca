"""Signing out here leads on to the provider's own sign-out where the owner wants that (RP-Initiated Logout 1.0, O19)."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan import sign_out
from genkan.crypto.jose import unverified_claims
from genkan.crypto.sealer import CLOCK_TOLERANCE
from genkan.errors import AdapterError, ConfigurationError
from genkan.oauth import logout
from genkan.oauth.discovery import METADATA_SECONDS, STALE_SECONDS
from genkan.oauth.logout import LOGOUT_STATE_MAX_AGE, MAX_HINT_CHARACTERS
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN, MakeApp
from tests.core import with_callbacks
from tests.provider_client import RESIDENT, ProviderClient, provider_env, query, state_of
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.metadata import metadata

RETURN = "/api/auth/signout/return"
COOKIE = "authjs.sign-out"


@pytest.fixture(name="house")
def _house(make_app: MakeApp, op: FaultyProvider) -> Flask:
    return make_app(**provider_env(op), AUTH_OIDC_SIGN_OUT="provider", AUTH_DEVELOPMENT_PROVIDER="off")


@pytest.fixture(name="guest")
def _guest(visitor: ProviderClient) -> ProviderClient:
    """Somebody who is signed in."""
    visitor.sign_in_as(sid="s1")
    assert visitor.name() == "Vera Visitor"
    return visitor


def leave(guest: ProviderClient, callback_url: str = "/about", **request: Any) -> TestResponse:
    """Press "Sign out"."""
    return guest.submit("/api/auth/signout", callbackUrl=callback_url, **request)


def followed(location: str, op: FaultyProvider) -> str:
    """Where the provider sends the browser on to."""
    assert location.startswith(f"{op.issuer}/end-session?")
    asked = query(location)
    return f"{asked['post_logout_redirect_uri']}?state={asked['state']}"


def form_action(answer: TestResponse) -> list[str] | None:
    directives = [line.split() for line in answer.headers["Content-Security-Policy"].split(";")]
    return next((sources for name, *sources in directives if name == "form-action"), None)


def test_the_way_leads_to_the_provider_and_back_to_where_they_wanted(guest: ProviderClient) -> None:
    """Conformance suite: rp-init-logout."""
    answer = leave(guest)
    location = answer.headers["Location"]
    asked = query(location)

    assert (answer.status_code, answer.headers["Referrer-Policy"]) == (303, "no-referrer")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert set(asked) == {"id_token_hint", "post_logout_redirect_uri", "client_id", "state"}
    assert (asked["client_id"], asked["post_logout_redirect_uri"]) == (guest.op.client_id, f"{ORIGIN}{RETURN}")
    assert unverified_claims(asked["id_token_hint"])["sub"] == "visitor-1"
    assert len(asked["state"]) >= 43
    assert guest.session() is None

    back = guest.get(followed(location, guest.op))
    assert (back.status_code, back.headers["Location"]) == (302, f"{ORIGIN}/about")
    assert guest.cookie(COOKIE) is None


def test_the_session_is_over_before_the_provider_is_asked_and_every_copy_of_it(guest: ProviderClient) -> None:
    copied = guest.cookie("authjs.session-token")
    guest.clock.advance(METADATA_SECONDS)
    seen: list[Any] = []
    thief = ProviderClient(guest.app, guest.op)
    thief.client.set_cookie("authjs.session-token", copied or "", domain="127.0.0.1")
    guest.op.before["/.well-known/openid-configuration"] = lambda: seen.append(thief.session())
    leave(guest)

    assert seen == [None]


def test_htmx_is_told_to_go_there(guest: ProviderClient) -> None:
    answer = leave(guest, headers=HTMX)

    assert (answer.status_code, answer.data) == (204, b"")
    assert followed(answer.headers["HX-Redirect"], guest.op)
    assert "HX-Trigger" not in answer.headers
    assert guest.session() is None


def test_a_client_that_asks_for_json_is_told_the_way(guest: ProviderClient) -> None:
    """next-auth/react goes where `url` says."""
    answer = leave(guest, headers={"X-Auth-Return-Redirect": "1"})

    assert answer.status_code == 200
    assert followed(answer.get_json()["url"], guest.op)
    assert guest.session() is None


@pytest.mark.parametrize(
    "state", ["", "?state=", "?state=another", "?state=%00", "?state=%ff", "?x=1", "?state=a&state=b"]
)
def test_coming_back_with_another_state_or_none_is_harmless(guest: ProviderClient, state: str) -> None:
    """Conformance suite: rp-init-logout-no-state and -other-state."""
    leave(guest)
    answer = guest.get(RETURN + state)

    assert (answer.status_code, answer.headers["Location"]) == (302, ORIGIN)
    assert guest.session() is None


def test_coming_back_twice_is_harmless(guest: ProviderClient) -> None:
    back = followed(leave(guest).headers["Location"], guest.op)

    assert [guest.get(back).headers["Location"] for _ in range(3)] == [f"{ORIGIN}/about", ORIGIN, ORIGIN]


def test_coming_back_in_another_browser_or_much_later_is_harmless(guest: ProviderClient) -> None:
    back = followed(leave(guest).headers["Location"], guest.op)
    stranger = ProviderClient(guest.app, guest.op)
    stranger.sign_in_as(**RESIDENT)
    assert stranger.get(back).headers["Location"] == ORIGIN
    assert stranger.name() == "Rei Resident"

    guest.clock.advance(LOGOUT_STATE_MAX_AGE + CLOCK_TOLERANCE)
    assert guest.get(back).headers["Location"] == ORIGIN


@pytest.mark.parametrize("value", ["", "nonsense", "a.b.c.d.e", "x" * 4000])
def test_a_cookie_that_is_none_is_harmless_and_goes(guest: ProviderClient, value: str) -> None:
    guest.client.set_cookie(COOKIE, value, domain="127.0.0.1")
    answer = guest.get(f"{RETURN}?state=a")

    assert answer.headers["Location"] == ORIGIN
    assert guest.cookie(COOKIE) is None
    assert guest.name() == "Vera Visitor"


def test_a_cookie_of_a_sign_in_is_none_of_a_sign_out(guest: ProviderClient) -> None:
    """Each purpose has a key of its own (T9)."""
    begun = query(guest.start("/dashboard"))
    (flow,) = guest.flow_cookies()
    guest.client.set_cookie(COOKIE, guest.cookie(flow) or "", domain="127.0.0.1")

    assert guest.get(f"{RETURN}?state={begun['state']}").headers["Location"] == ORIGIN


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_nobody_lands_on_another_site(guest: ProviderClient, wanted: str) -> None:
    back = followed(leave(guest, wanted).headers["Location"], guest.op)

    assert guest.get(back).headers["Location"].startswith(f"{ORIGIN}/") or guest.get(back).headers["Location"] == ORIGIN


def test_a_landing_that_no_cookie_holds_is_the_front_page(guest: ProviderClient) -> None:
    house = state_of(guest.app)
    far = f"{ORIGIN}/{'x' * 4000}"
    house.core = with_callbacks(house.core, redirect=lambda _: far)
    answer = leave(guest)

    assert all(len(line) < 4096 for line in answer.headers.getlist("Set-Cookie"))
    assert guest.get(followed(answer.headers["Location"], guest.op)).headers["Location"] == ORIGIN


def test_the_cookie_is_for_us_alone_and_short_lived(guest: ProviderClient) -> None:
    (line,) = [line for line in leave(guest).headers.getlist("Set-Cookie") if line.startswith(COOKIE)]

    assert line.split("; ")[1:3] == [f"Max-Age={LOGOUT_STATE_MAX_AGE}", "Path=/"]
    assert line.endswith("HttpOnly; SameSite=Lax")


def test_a_provider_that_is_down_keeps_nobody_from_signing_out(guest: ProviderClient) -> None:
    """Nothing of it is known any more; landing as usual."""
    guest.clock.advance(STALE_SECONDS)
    with guest.op.down():
        answer = leave(guest)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{ORIGIN}/about")
    assert guest.session() is None


@pytest.mark.parametrize("fault", ["hang", "drip", "500", "html", "redirect", "wrong-issuer"])
def test_nor_does_one_that_misbehaves_and_nobody_waits_long(
    guest: ProviderClient, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logout, "TIMEOUT", 0.5)
    guest.clock.advance(STALE_SECONDS)
    guest.op.faults.discovery = fault
    started = time.monotonic()
    answer = leave(guest, headers=HTMX)

    assert (answer.status_code, "HX-Redirect" in answer.headers) == (200, False)
    assert "Sign in" in answer.text
    assert time.monotonic() - started < 2
    assert guest.session() is None


def test_what_is_known_of_a_provider_that_is_down_still_leads_there(guest: ProviderClient) -> None:
    guest.clock.advance(METADATA_SECONDS)
    with guest.op.down():
        assert followed(leave(guest).headers["Location"], guest.op)


def metadata_with(monkeypatch: pytest.MonkeyPatch, endpoint: object) -> None:
    """From now on the provider names this place for signing out."""
    changed = lambda *given: {**metadata(*given), "end_session_endpoint": endpoint}  # noqa: E731
    monkeypatch.setattr("tests.servers.faulty.provider.metadata", changed)


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        7,
        "",
        "http://elsewhere.example/out",
        "javascript:alert(1)",
        "//evil.example",
        "https://user@host.example/",
    ],
)
def test_without_a_place_that_can_be_trusted_they_are_signed_out_here_only(
    visitor: ProviderClient, endpoint: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata_with(monkeypatch, endpoint)
    visitor.sign_in_as()
    answer = leave(visitor)

    assert answer.headers["Location"] == f"{ORIGIN}/about"
    assert form_action(visitor.get("/")) == ["'self'"]
    assert visitor.session() is None


def test_a_place_with_a_query_keeps_it_and_one_with_a_fragment_is_none(
    visitor: ProviderClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    metadata_with(monkeypatch, f"{visitor.op.issuer}/out?tenant=a")
    visitor.sign_in_as()
    assert leave(visitor).headers["Location"].startswith(f"{visitor.op.issuer}/out?tenant=a&client_id=")

    visitor.clock.advance(METADATA_SECONDS)
    metadata_with(monkeypatch, f"{visitor.op.issuer}/out#tenant")
    visitor.sign_in_as()
    assert leave(visitor).headers["Location"] == f"{ORIGIN}/about"
    (why,) = [record.__dict__["why"] for record in caplog.records if getattr(record, "event", "") == "sign-out-local"]
    assert why == "an end_session_endpoint with a fragment"


def test_a_database_that_is_down_keeps_nobody_from_signing_out(
    guest: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise AdapterError("down")

    with monkeypatch.context() as broken:
        for what in ("get", "end"):
            broken.setattr(type(guest.options.sessions.store), what, fail)
        answer = leave(guest)

    assert answer.headers["Location"] == f"{ORIGIN}/about"
    assert guest.session() is None


def test_signing_out_when_nobody_is_signed_in_asks_nobody(guest: ProviderClient) -> None:
    leave(guest)
    asked = len(guest.op.calls)
    answer = leave(guest)

    assert answer.headers["Location"] == f"{ORIGIN}/about"
    assert len(guest.op.calls) == asked


def test_without_the_token_the_other_site_s_button_leads_nowhere(guest: ProviderClient) -> None:
    """Nobody is signed out of their provider by another site either."""
    assert guest.post("/api/auth/signout").headers["Location"].startswith(f"{ORIGIN}/api/auth/signin?error=MissingCSRF")
    foreign = guest.submit("/api/auth/signout", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert guest.name() == "Vera Visitor"


def test_the_hint_is_the_session_s_own_id_token_and_sealed_at_rest(guest: ProviderClient) -> None:
    first = {record.id: record.id_token for record in guest.options.sessions.store.list_live(int(guest.clock()), 9)}
    other = ProviderClient(guest.app, guest.op)
    other.sign_in_as(sid="s2")
    hints = [
        unverified_claims(query(leave(each).headers["Location"])["id_token_hint"])["sid"] for each in (other, guest)
    ]

    assert hints == ["s2", "s1"]
    (token,) = first.values()
    assert token
    with guest.options.sessions.store._database.read() as session:
        rows = session.connection().exec_driver_sql("select id_token from genkan_sessions").all()
    assert len(rows) == 2
    assert all(kept and token not in kept and len(kept.split(".")) == 5 for (kept,) in rows)


def test_a_hint_that_would_burst_the_address_is_left_out(visitor: ProviderClient) -> None:
    visitor.sign_in_as(extra="x" * MAX_HINT_CHARACTERS)
    asked = query(leave(visitor).headers["Location"])

    assert "id_token_hint" not in asked
    assert asked["client_id"] == visitor.op.client_id


def test_by_default_they_stay_and_no_id_token_is_kept(make_app: MakeApp, op: FaultyProvider) -> None:
    for chosen in ({}, {"AUTH_OIDC_SIGN_OUT": "local"}, {"AUTH_OIDC_SIGN_OUT": ""}):
        guest = ProviderClient(make_app(**provider_env(op), **chosen), op)
        guest.sign_in_as()
        records = guest.options.sessions.store.list_live(int(guest.clock()), 9)
        assert {record.id_token for record in records} == {None}
        assert form_action(guest.get("/")) == ["'self'"]
        assert leave(guest).headers["Location"] == f"{ORIGIN}/about"


def test_a_session_of_a_provider_that_is_off_by_now_ends_here(guest: ProviderClient) -> None:
    house = state_of(guest.app)
    house.core = replace(house.core, providers={})

    assert leave(guest).headers["Location"] == f"{ORIGIN}/about"


def test_a_view_s_own_sign_out_leads_there_too(house: Flask, op: FaultyProvider) -> None:
    house.add_url_rule("/leave", "leave", lambda: sign_out(redirect_to="/about"), methods=["POST"])
    guest = ProviderClient(house, op)
    guest.sign_in_as()
    answer = guest.submit("/leave")

    assert guest.get(followed(answer.headers["Location"], guest.op)).headers["Location"] == f"{ORIGIN}/about"


def test_only_pages_of_a_signed_in_user_let_their_forms_lead_there(guest: ProviderClient) -> None:
    """Browsers check the redirect against `form-action`; the sign-out form is on pages of a signed-in user only."""
    for path in ("/", "/dashboard", "/account/delete", "/api/auth/signout", "/nowhere"):
        assert form_action(guest.get(path)) is None, path
    assert form_action(ProviderClient(guest.app, guest.op).get("/")) == ["'self'"]
    assert form_action(guest.get("/about")) == ["'self'"]
    leave(guest)
    assert form_action(guest.get("/")) == ["'self'"]


@pytest.mark.parametrize("host", ["a;script-src", "a,b", "a'b", "a*b"])
def test_no_provider_writes_into_our_policy(
    visitor: ProviderClient, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata_with(monkeypatch, f"http://127.0.0.1{host}/out")
    visitor.sign_in_as()

    assert form_action(visitor.get("/")) is None
    assert host not in visitor.get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("value", ["Provider", "yes", "true", "1", "on", "local provider", "remote"])
def test_an_unknown_word_in_the_setting_is_refused_by_name(make_app: MakeApp, op: FaultyProvider, value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_OIDC_SIGN_OUT is neither local nor provider: set it to"):
        make_app(**provider_env(op), AUTH_OIDC_SIGN_OUT=value)


def test_a_provider_that_has_no_such_thing_is_refused_by_name(make_app: MakeApp) -> None:
    given = {"AUTH_GITHUB_ID": "house", "AUTH_GITHUB_SECRET": "Kq7Xw2Zp9Lr4Nt6Vb8Ym1Cd3"}
    with pytest.raises(ConfigurationError, match=r"^AUTH_GITHUB_SIGN_OUT .*remove it\.$"):
        make_app(**given, AUTH_GITHUB_SIGN_OUT="provider")
    make_app(**given, AUTH_GITHUB_SIGN_OUT="local")


def test_the_setting_alone_turns_no_provider_on(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_GOOGLE_SIGN_OUT without AUTH_GOOGLE_ID and AUTH_GOOGLE_SECRET"):
        make_app(AUTH_GOOGLE_SIGN_OUT="provider")


def test_the_development_provider_asks_whether_to_sign_out_there_too(make_app: MakeApp) -> None:
    browser = Browser(make_app(AUTH_DEVELOPMENT_SIGN_OUT="provider"))
    browser.sign_in()
    location = browser.sign_out(callbackUrl="/about").headers["Location"]
    assert urlsplit(location).path == "/development/end-session"
    page = browser.get(location)

    assert "Sign out here too?" in page.text
    assert browser.session() is None
