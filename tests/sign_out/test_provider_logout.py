"""Signing out here leads on to the provider's own sign-out where the owner wants that (RP-Initiated Logout 1.0, O19)."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan.crypto.jose import unverified_claims
from genkan.crypto.sealer import CLOCK_TOLERANCE
from genkan.errors import AdapterError, ConfigurationError
from genkan.oauth import logout
from genkan.oauth.discovery import METADATA_SECONDS, STALE_SECONDS
from genkan.oauth.logout import MAX_HINT_CHARACTERS
from genkan.oauth.logout_state import LOGOUT_STATE_MAX_AGE
from genkan.web import sign_out
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN, MakeApp
from tests.provider_client import OTHER_USER, ProviderClient, get_state, provider_env, query
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.metadata import metadata

RETURN = "/api/auth/signout/return"
COOKIE = "authjs.sign-out"


@pytest.fixture(name="provider_app")
def _provider_app(make_app: MakeApp, op: FaultyProvider) -> Flask:
    return make_app(**provider_env(op), AUTH_OIDC_SIGN_OUT="provider", AUTH_DEVELOPMENT_PROVIDER="off")


@pytest.fixture(name="signed_in_client")
def _signed_in_client(client: ProviderClient) -> ProviderClient:
    """Somebody who is signed in."""
    client.sign_in_as(sid="s1")
    assert client.name() == "Vera Visitor"
    return client


def leave(signed_in_client: ProviderClient, callback_url: str = "/about", **request: Any) -> TestResponse:
    """Press "Sign out"."""
    return signed_in_client.submit("/api/auth/signout", callbackUrl=callback_url, **request)


def followed(location: str, op: FaultyProvider) -> str:
    """Where the provider sends the browser on to."""
    assert location.startswith(f"{op.issuer}/end-session?")
    asked = query(location)
    return f"{asked['post_logout_redirect_uri']}?state={asked['state']}"


def form_action(answer: TestResponse) -> list[str] | None:
    directives = [line.split() for line in answer.headers["Content-Security-Policy"].split(";")]
    return next((sources for name, *sources in directives if name == "form-action"), None)


def test_the_way_leads_to_the_provider_and_back_to_where_they_wanted(signed_in_client: ProviderClient) -> None:
    """Conformance suite: rp-init-logout."""
    answer = leave(signed_in_client)
    location = answer.headers["Location"]
    asked = query(location)

    assert (answer.status_code, answer.headers["Referrer-Policy"]) == (303, "no-referrer")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert set(asked) == {"id_token_hint", "post_logout_redirect_uri", "client_id", "state"}
    assert (asked["client_id"], asked["post_logout_redirect_uri"]) == (
        signed_in_client.op.client_id,
        f"{ORIGIN}{RETURN}",
    )
    assert unverified_claims(asked["id_token_hint"])["sub"] == "visitor-1"
    assert len(asked["state"]) >= 43
    assert signed_in_client.session() is None

    back = signed_in_client.get(followed(location, signed_in_client.op))
    assert (back.status_code, back.headers["Location"]) == (302, f"{ORIGIN}/about")
    assert signed_in_client.cookie(COOKIE) is None


def test_the_session_is_over_before_the_provider_is_asked_and_every_copy_of_it(
    signed_in_client: ProviderClient,
) -> None:
    copied = signed_in_client.cookie("authjs.session-token")
    signed_in_client.clock.advance(METADATA_SECONDS)
    seen: list[Any] = []
    thief = ProviderClient(signed_in_client.app, signed_in_client.op)
    thief.client.set_cookie("authjs.session-token", copied or "", domain="127.0.0.1")
    signed_in_client.op.before["/.well-known/openid-configuration"] = lambda: seen.append(thief.session())
    leave(signed_in_client)

    assert seen == [None]


def test_htmx_is_told_to_go_there(signed_in_client: ProviderClient) -> None:
    answer = leave(signed_in_client, headers=HTMX)

    assert (answer.status_code, answer.data) == (204, b"")
    assert followed(answer.headers["HX-Redirect"], signed_in_client.op)
    assert "HX-Trigger" not in answer.headers
    assert signed_in_client.session() is None


def test_a_client_that_asks_for_json_is_told_the_way(signed_in_client: ProviderClient) -> None:
    """next-auth/react goes where `url` says."""
    answer = leave(signed_in_client, headers={"X-Auth-Return-Redirect": "1"})

    assert answer.status_code == 200
    assert followed(answer.get_json()["url"], signed_in_client.op)
    assert signed_in_client.session() is None


@pytest.mark.parametrize(
    "state", ["", "?state=", "?state=another", "?state=%00", "?state=%ff", "?x=1", "?state=a&state=b"]
)
def test_coming_back_with_another_state_or_none_is_harmless(signed_in_client: ProviderClient, state: str) -> None:
    """Conformance suite: rp-init-logout-no-state and -other-state."""
    leave(signed_in_client)
    answer = signed_in_client.get(RETURN + state)

    assert (answer.status_code, answer.headers["Location"]) == (302, ORIGIN)
    assert signed_in_client.session() is None


def test_coming_back_twice_is_harmless(signed_in_client: ProviderClient) -> None:
    back = followed(leave(signed_in_client).headers["Location"], signed_in_client.op)

    assert [signed_in_client.get(back).headers["Location"] for _ in range(3)] == [f"{ORIGIN}/about", ORIGIN, ORIGIN]


def test_coming_back_in_another_browser_or_much_later_is_harmless(signed_in_client: ProviderClient) -> None:
    back = followed(leave(signed_in_client).headers["Location"], signed_in_client.op)
    stranger = ProviderClient(signed_in_client.app, signed_in_client.op)
    stranger.sign_in_as(**OTHER_USER)
    assert stranger.get(back).headers["Location"] == ORIGIN
    assert stranger.name() == "Rei Resident"

    signed_in_client.clock.advance(LOGOUT_STATE_MAX_AGE + CLOCK_TOLERANCE)
    assert signed_in_client.get(back).headers["Location"] == ORIGIN


@pytest.mark.parametrize("value", ["", "nonsense", "a.b.c.d.e", "x" * 4000])
def test_a_cookie_that_is_none_is_harmless_and_goes(signed_in_client: ProviderClient, value: str) -> None:
    signed_in_client.client.set_cookie(COOKIE, value, domain="127.0.0.1")
    answer = signed_in_client.get(f"{RETURN}?state=a")

    assert answer.headers["Location"] == ORIGIN
    assert signed_in_client.cookie(COOKIE) is None
    assert signed_in_client.name() == "Vera Visitor"


def test_a_cookie_of_a_sign_in_is_none_of_a_sign_out(signed_in_client: ProviderClient) -> None:
    """Each purpose has a key of its own (T9)."""
    begun = query(signed_in_client.start("/dashboard"))
    (flow,) = signed_in_client.flow_cookies()
    signed_in_client.client.set_cookie(COOKIE, signed_in_client.cookie(flow) or "", domain="127.0.0.1")

    assert signed_in_client.get(f"{RETURN}?state={begun['state']}").headers["Location"] == ORIGIN


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_nobody_lands_on_another_site(signed_in_client: ProviderClient, wanted: str) -> None:
    back = followed(leave(signed_in_client, wanted).headers["Location"], signed_in_client.op)

    assert (
        signed_in_client.get(back).headers["Location"].startswith(f"{ORIGIN}/")
        or signed_in_client.get(back).headers["Location"] == ORIGIN
    )


def test_a_landing_that_no_cookie_holds_is_the_front_page(signed_in_client: ProviderClient) -> None:
    state = get_state(signed_in_client.app)
    far = f"{ORIGIN}/{'x' * 4000}"
    state.core = replace(state.core, callbacks=replace(state.core.callbacks, redirect=lambda _: far))
    answer = leave(signed_in_client)

    assert all(len(line) < 4096 for line in answer.headers.getlist("Set-Cookie"))
    assert signed_in_client.get(followed(answer.headers["Location"], signed_in_client.op)).headers["Location"] == ORIGIN


def test_the_cookie_is_for_us_alone_and_short_lived(signed_in_client: ProviderClient) -> None:
    (line,) = [line for line in leave(signed_in_client).headers.getlist("Set-Cookie") if line.startswith(COOKIE)]

    assert line.split("; ")[1:3] == [f"Max-Age={LOGOUT_STATE_MAX_AGE}", "Path=/"]
    assert line.endswith("HttpOnly; SameSite=Lax")


def test_a_provider_that_is_down_keeps_nobody_from_signing_out(signed_in_client: ProviderClient) -> None:
    """Nothing of it is known any more; landing as usual."""
    signed_in_client.clock.advance(STALE_SECONDS)
    with signed_in_client.op.down():
        answer = leave(signed_in_client)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{ORIGIN}/about")
    assert signed_in_client.session() is None


@pytest.mark.parametrize("fault", ["hang", "drip", "500", "html", "redirect", "wrong-issuer"])
def test_nor_does_one_that_misbehaves_and_nobody_waits_long(
    signed_in_client: ProviderClient, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logout, "TIMEOUT", 0.5)
    signed_in_client.clock.advance(STALE_SECONDS)
    signed_in_client.op.faults.discovery = fault
    started = time.monotonic()
    answer = leave(signed_in_client, headers=HTMX)

    assert (answer.status_code, "HX-Redirect" in answer.headers) == (200, False)
    assert "Sign in" in answer.text
    assert time.monotonic() - started < 2
    assert signed_in_client.session() is None


def test_what_is_known_of_a_provider_that_is_down_still_leads_there(signed_in_client: ProviderClient) -> None:
    signed_in_client.clock.advance(METADATA_SECONDS)
    with signed_in_client.op.down():
        assert followed(leave(signed_in_client).headers["Location"], signed_in_client.op)


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
    client: ProviderClient, endpoint: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata_with(monkeypatch, endpoint)
    client.sign_in_as()
    answer = leave(client)

    assert answer.headers["Location"] == f"{ORIGIN}/about"
    assert form_action(client.get("/")) == ["'self'"]
    assert client.session() is None


def test_a_place_with_a_query_keeps_it_and_one_with_a_fragment_is_none(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    metadata_with(monkeypatch, f"{client.op.issuer}/out?tenant=a")
    client.sign_in_as()
    assert leave(client).headers["Location"].startswith(f"{client.op.issuer}/out?tenant=a&client_id=")

    client.clock.advance(METADATA_SECONDS)
    metadata_with(monkeypatch, f"{client.op.issuer}/out#tenant")
    client.sign_in_as()
    assert leave(client).headers["Location"] == f"{ORIGIN}/about"
    (why,) = [record.__dict__["why"] for record in caplog.records if getattr(record, "event", "") == "sign-out-local"]
    assert why == "an end_session_endpoint with a fragment"


def test_a_database_that_is_down_keeps_nobody_from_signing_out(
    signed_in_client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise AdapterError("down")

    with monkeypatch.context() as broken:
        for what in ("get", "end"):
            broken.setattr(type(signed_in_client.options.session_store), what, fail)
        answer = leave(signed_in_client)

    assert answer.headers["Location"] == f"{ORIGIN}/about"
    assert signed_in_client.session() is None


def test_signing_out_when_nobody_is_signed_in_asks_nobody(signed_in_client: ProviderClient) -> None:
    leave(signed_in_client)
    asked = len(signed_in_client.op.calls)
    answer = leave(signed_in_client)

    assert answer.headers["Location"] == f"{ORIGIN}/about"
    assert len(signed_in_client.op.calls) == asked


def test_without_the_token_the_other_site_s_button_leads_nowhere(signed_in_client: ProviderClient) -> None:
    """Nobody is signed out of their provider by another site either."""
    assert (
        signed_in_client.post("/api/auth/signout")
        .headers["Location"]
        .startswith(f"{ORIGIN}/api/auth/signin?error=MissingCSRF")
    )
    foreign = signed_in_client.submit("/api/auth/signout", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert signed_in_client.name() == "Vera Visitor"


def test_the_hint_is_the_session_s_own_id_token_and_sealed_at_rest(signed_in_client: ProviderClient) -> None:
    first = {
        record.id: record.id_token
        for record in signed_in_client.options.session_store.list_live(int(signed_in_client.clock()), 9)
    }
    other = ProviderClient(signed_in_client.app, signed_in_client.op)
    other.sign_in_as(sid="s2")
    hints = [
        unverified_claims(query(leave(each).headers["Location"])["id_token_hint"])["sid"]
        for each in (other, signed_in_client)
    ]

    assert hints == ["s2", "s1"]
    (token,) = first.values()
    assert token
    with signed_in_client.options.session_store._database.read() as session:
        rows = session.connection().exec_driver_sql("select id_token from genkan_sessions").all()
    assert len(rows) == 2
    assert all(kept and token not in kept and len(kept.split(".")) == 5 for (kept,) in rows)


def test_a_hint_that_would_burst_the_address_is_left_out(client: ProviderClient) -> None:
    client.sign_in_as(extra="x" * MAX_HINT_CHARACTERS)
    asked = query(leave(client).headers["Location"])

    assert "id_token_hint" not in asked
    assert asked["client_id"] == client.op.client_id


def test_by_default_they_stay_and_no_id_token_is_kept(make_app: MakeApp, op: FaultyProvider) -> None:
    for chosen in ({}, {"AUTH_OIDC_SIGN_OUT": "local"}, {"AUTH_OIDC_SIGN_OUT": ""}):
        signed_in_client = ProviderClient(make_app(**provider_env(op), **chosen), op)
        signed_in_client.sign_in_as()
        records = signed_in_client.options.session_store.list_live(int(signed_in_client.clock()), 9)
        assert {record.id_token for record in records} == {None}
        assert form_action(signed_in_client.get("/")) == ["'self'"]
        assert leave(signed_in_client).headers["Location"] == f"{ORIGIN}/about"


def test_a_session_of_a_provider_that_is_off_by_now_ends_here(signed_in_client: ProviderClient) -> None:
    state = get_state(signed_in_client.app)
    state.core = replace(state.core, providers={})

    assert leave(signed_in_client).headers["Location"] == f"{ORIGIN}/about"


def test_a_view_s_own_sign_out_leads_there_too(provider_app: Flask, op: FaultyProvider) -> None:
    provider_app.add_url_rule("/leave", "leave", lambda: sign_out(redirect_to="/about"), methods=["POST"])
    signed_in_client = ProviderClient(provider_app, op)
    signed_in_client.sign_in_as()
    answer = signed_in_client.submit("/leave")

    assert (
        signed_in_client.get(followed(answer.headers["Location"], signed_in_client.op)).headers["Location"]
        == f"{ORIGIN}/about"
    )


def test_only_pages_of_a_signed_in_user_let_their_forms_lead_there(signed_in_client: ProviderClient) -> None:
    """Browsers check the redirect against `form-action`; the sign-out form is on pages of a signed-in user only."""
    for path in ("/", "/dashboard", "/account/delete", "/api/auth/signout", "/nowhere"):
        assert form_action(signed_in_client.get(path)) is None, path
    assert form_action(ProviderClient(signed_in_client.app, signed_in_client.op).get("/")) == ["'self'"]
    assert form_action(signed_in_client.get("/about")) == ["'self'"]
    leave(signed_in_client)
    assert form_action(signed_in_client.get("/")) == ["'self'"]


@pytest.mark.parametrize("host", ["a;script-src", "a,b", "a'b", "a*b"])
def test_no_provider_writes_into_our_policy(client: ProviderClient, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata_with(monkeypatch, f"http://127.0.0.1{host}/out")
    client.sign_in_as()

    assert form_action(client.get("/")) is None
    assert host not in client.get("/").headers["Content-Security-Policy"]


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
