"""RP-initiated logout: signing out continues at the provider where the setting asks for it."""

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
from tests.core import with_callback
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
    """Client with a session."""
    client.sign_in_as(sid="s1")
    assert client.name() == "Vera Visitor"
    return client


def submit_sign_out(signed_in_client: ProviderClient, callback_url: str = "/about", **request: Any) -> TestResponse:
    """Submit the sign-out form."""
    return signed_in_client.submit("/api/auth/signout", callbackUrl=callback_url, **request)


def return_url(location: str, op: FaultyProvider) -> str:
    """Return the URL to which the provider redirects after its logout."""
    assert location.startswith(f"{op.issuer}/end-session?")
    params = query(location)
    return f"{params['post_logout_redirect_uri']}?state={params['state']}"


def form_action(response: TestResponse) -> list[str] | None:
    directives = [header.split() for header in response.headers["Content-Security-Policy"].split(";")]
    return next((sources for name, *sources in directives if name == "form-action"), None)


def test_the_sign_out_leads_to_the_provider_and_back_to_the_callback_url(signed_in_client: ProviderClient) -> None:
    """OpenID conformance suite: rp-init-logout."""
    response = submit_sign_out(signed_in_client)
    location = response.headers["Location"]
    params = query(location)

    assert (response.status_code, response.headers["Referrer-Policy"]) == (303, "no-referrer")
    assert response.headers["Clear-Site-Data"] == '"cache"'
    assert set(params) == {"id_token_hint", "post_logout_redirect_uri", "client_id", "state"}
    assert (params["client_id"], params["post_logout_redirect_uri"]) == (
        signed_in_client.op.client_id,
        f"{ORIGIN}{RETURN}",
    )
    assert unverified_claims(params["id_token_hint"])["sub"] == "visitor-1"
    assert len(params["state"]) >= 43
    assert signed_in_client.session() is None

    response_of_return = signed_in_client.get(return_url(location, signed_in_client.op))
    assert (response_of_return.status_code, response_of_return.headers["Location"]) == (302, f"{ORIGIN}/about")
    assert signed_in_client.cookie(COOKIE) is None


def test_the_session_and_its_copies_are_revoked_before_the_provider_is_asked(
    signed_in_client: ProviderClient,
) -> None:
    copied_cookie = signed_in_client.cookie("authjs.session-token")
    signed_in_client.clock.advance(METADATA_SECONDS)
    sessions: list[Any] = []
    copied_client = ProviderClient(signed_in_client.app, signed_in_client.op)
    copied_client.client.set_cookie("authjs.session-token", copied_cookie or "", domain="127.0.0.1")
    signed_in_client.op.before["/.well-known/openid-configuration"] = lambda: sessions.append(copied_client.session())
    submit_sign_out(signed_in_client)

    assert sessions == [None]


def test_htmx_gets_the_provider_s_url_in_a_header(signed_in_client: ProviderClient) -> None:
    response = submit_sign_out(signed_in_client, headers=HTMX)

    assert (response.status_code, response.data) == (204, b"")
    assert return_url(response.headers["HX-Redirect"], signed_in_client.op)
    assert "HX-Trigger" not in response.headers
    assert signed_in_client.session() is None


def test_a_json_client_gets_the_provider_s_url(signed_in_client: ProviderClient) -> None:
    """next-auth/react goes to `url`."""
    response = submit_sign_out(signed_in_client, headers={"X-Auth-Return-Redirect": "1"})

    assert response.status_code == 200
    assert return_url(response.get_json()["url"], signed_in_client.op)
    assert signed_in_client.session() is None


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
    state.core = with_callback(state.core, redirect=lambda _: long_url)
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


def test_a_provider_that_is_down_does_not_prevent_signing_out(signed_in_client: ProviderClient) -> None:
    """No metadata is cached any more, so the sign-out is local."""
    signed_in_client.clock.advance(STALE_SECONDS)
    with signed_in_client.op.down():
        response = submit_sign_out(signed_in_client)

    assert (response.status_code, response.headers["Location"]) == (303, f"{ORIGIN}/about")
    assert signed_in_client.session() is None


@pytest.mark.parametrize("fault", ["hang", "drip", "500", "html", "redirect", "wrong-issuer"])
def test_a_faulty_provider_does_not_prevent_or_delay_signing_out(
    signed_in_client: ProviderClient, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logout, "TIMEOUT", 0.5)
    signed_in_client.clock.advance(STALE_SECONDS)
    signed_in_client.op.faults.discovery = fault
    started = time.monotonic()
    response = submit_sign_out(signed_in_client, headers=HTMX)

    assert (response.status_code, "HX-Redirect" in response.headers) == (200, False)
    assert "Sign in" in response.text
    assert time.monotonic() - started < 2
    assert signed_in_client.session() is None


def test_cached_metadata_is_used_while_the_provider_is_down(signed_in_client: ProviderClient) -> None:
    signed_in_client.clock.advance(METADATA_SECONDS)
    with signed_in_client.op.down():
        assert return_url(submit_sign_out(signed_in_client).headers["Location"], signed_in_client.op)


def set_end_session_endpoint(monkeypatch: pytest.MonkeyPatch, endpoint: object) -> None:
    """Replace the `end_session_endpoint` in the provider's metadata."""
    changed = lambda *settings: {**metadata(*settings), "end_session_endpoint": endpoint}  # noqa: E731
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
def test_without_a_trusted_end_session_endpoint_the_sign_out_is_local(
    client: ProviderClient, endpoint: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_end_session_endpoint(monkeypatch, endpoint)
    client.sign_in_as()
    response = submit_sign_out(client)

    assert response.headers["Location"] == f"{ORIGIN}/about"
    assert form_action(client.get("/")) == ["'self'"]
    assert client.session() is None


def test_the_query_of_the_endpoint_is_kept_and_a_fragment_is_refused(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_end_session_endpoint(monkeypatch, f"{client.op.issuer}/out?tenant=a")
    client.sign_in_as()
    assert submit_sign_out(client).headers["Location"].startswith(f"{client.op.issuer}/out?tenant=a&client_id=")

    client.clock.advance(METADATA_SECONDS)
    set_end_session_endpoint(monkeypatch, f"{client.op.issuer}/out#tenant")
    client.sign_in_as()
    assert submit_sign_out(client).headers["Location"] == f"{ORIGIN}/about"
    (reason,) = [
        record.__dict__["reason"] for record in caplog.records if getattr(record, "event", "") == "sign-out-local"
    ]
    assert reason == "an end_session_endpoint with a fragment"


def test_a_database_error_does_not_prevent_signing_out(
    signed_in_client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise AdapterError("down")

    with monkeypatch.context() as patch:
        for method in ("get", "revoke"):
            patch.setattr(type(signed_in_client.options.sessions.store), method, fail)
        response = submit_sign_out(signed_in_client)

    assert response.headers["Location"] == f"{ORIGIN}/about"
    assert signed_in_client.session() is None


def test_signing_out_without_a_session_makes_no_request(signed_in_client: ProviderClient) -> None:
    submit_sign_out(signed_in_client)
    calls = len(signed_in_client.op.calls)
    response = submit_sign_out(signed_in_client)

    assert response.headers["Location"] == f"{ORIGIN}/about"
    assert len(signed_in_client.op.calls) == calls


def test_another_site_cannot_sign_the_user_out(signed_in_client: ProviderClient) -> None:
    """Neither here nor at the provider."""
    assert (
        signed_in_client.post("/api/auth/signout")
        .headers["Location"]
        .startswith(f"{ORIGIN}/api/auth/signin?error=MissingCSRF")
    )
    foreign = signed_in_client.submit("/api/auth/signout", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert signed_in_client.name() == "Vera Visitor"


def test_the_hint_is_the_session_s_own_id_token_and_stored_encrypted(signed_in_client: ProviderClient) -> None:
    tokens = {
        record.id: record.id_token
        for record in signed_in_client.options.sessions.store.list_all_active(int(signed_in_client.clock()), 9)
    }
    other = ProviderClient(signed_in_client.app, signed_in_client.op)
    other.sign_in_as(sid="s2")
    hints = [
        unverified_claims(query(submit_sign_out(client).headers["Location"])["id_token_hint"])["sid"]
        for client in (other, signed_in_client)
    ]

    assert hints == ["s2", "s1"]
    (token,) = tokens.values()
    assert token
    with signed_in_client.options.sessions.store._database.read() as session:
        rows = session.connection().exec_driver_sql("select id_token from genkan_sessions").all()
    assert len(rows) == 2
    assert all(stored and token not in stored and len(stored.split(".")) == 5 for (stored,) in rows)


def test_a_hint_too_long_for_the_url_is_left_out(client: ProviderClient) -> None:
    client.sign_in_as(extra="x" * MAX_HINT_CHARACTERS)
    params = query(submit_sign_out(client).headers["Location"])

    assert "id_token_hint" not in params
    assert params["client_id"] == client.op.client_id


def test_the_default_is_a_local_sign_out_and_no_stored_id_token(make_app: MakeApp, op: FaultyProvider) -> None:
    for setting in ({}, {"AUTH_OIDC_SIGN_OUT": "local"}, {"AUTH_OIDC_SIGN_OUT": ""}):
        signed_in_client = ProviderClient(make_app(**provider_env(op), **setting), op)
        signed_in_client.sign_in_as()
        records = signed_in_client.options.sessions.store.list_all_active(int(signed_in_client.clock()), 9)
        assert {record.id_token for record in records} == {None}
        assert form_action(signed_in_client.get("/")) == ["'self'"]
        assert submit_sign_out(signed_in_client).headers["Location"] == f"{ORIGIN}/about"


def test_a_session_of_a_disabled_provider_is_signed_out_locally(signed_in_client: ProviderClient) -> None:
    state = get_state(signed_in_client.app)
    state.core = replace(state.core, providers={})

    assert submit_sign_out(signed_in_client).headers["Location"] == f"{ORIGIN}/about"


def test_the_sign_out_function_in_a_view_leads_to_the_provider(provider_app: Flask, op: FaultyProvider) -> None:
    provider_app.add_url_rule(
        "/custom-sign-out", "custom_sign_out", lambda: sign_out(redirect_to="/about"), methods=["POST"]
    )
    signed_in_client = ProviderClient(provider_app, op)
    signed_in_client.sign_in_as()
    response = signed_in_client.submit("/custom-sign-out")

    assert (
        signed_in_client.get(return_url(response.headers["Location"], signed_in_client.op)).headers["Location"]
        == f"{ORIGIN}/about"
    )


def test_form_action_is_omitted_only_on_pages_of_a_signed_in_user(signed_in_client: ProviderClient) -> None:
    """Browsers apply `form-action` to redirects as well. Only pages of a signed-in user have the sign-out form."""
    for path in ("/", "/dashboard", "/account/delete", "/api/auth/signout", "/nowhere"):
        assert form_action(signed_in_client.get(path)) is None, path
    assert form_action(ProviderClient(signed_in_client.app, signed_in_client.op).get("/")) == ["'self'"]
    assert form_action(signed_in_client.get("/about")) == ["'self'"]
    submit_sign_out(signed_in_client)
    assert form_action(signed_in_client.get("/")) == ["'self'"]


@pytest.mark.parametrize("host", ["a;script-src", "a,b", "a'b", "a*b"])
def test_provider_metadata_is_not_written_into_the_content_security_policy(
    client: ProviderClient, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_end_session_endpoint(monkeypatch, f"http://127.0.0.1{host}/out")
    client.sign_in_as()

    assert form_action(client.get("/")) is None
    assert host not in client.get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("value", ["Provider", "yes", "true", "1", "on", "local provider", "remote"])
def test_an_unknown_value_of_the_setting_is_refused(make_app: MakeApp, op: FaultyProvider, value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_OIDC_SIGN_OUT is neither local nor provider: set it to"):
        make_app(**provider_env(op), AUTH_OIDC_SIGN_OUT=value)


def test_the_setting_is_refused_for_a_provider_without_logout(make_app: MakeApp) -> None:
    settings = {"AUTH_GITHUB_ID": "client-id", "AUTH_GITHUB_SECRET": "Kq7Xw2Zp9Lr4Nt6Vb8Ym1Cd3"}
    with pytest.raises(ConfigurationError, match=r"^AUTH_GITHUB_SIGN_OUT .*remove it\.$"):
        make_app(**settings, AUTH_GITHUB_SIGN_OUT="provider")
    make_app(**settings, AUTH_GITHUB_SIGN_OUT="local")


def test_the_setting_alone_enables_no_provider(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_GOOGLE_SIGN_OUT without AUTH_GOOGLE_ID and AUTH_GOOGLE_SECRET"):
        make_app(AUTH_GOOGLE_SIGN_OUT="provider")


def test_the_development_provider_asks_whether_to_sign_out_there(make_app: MakeApp) -> None:
    browser = Browser(make_app(AUTH_DEVELOPMENT_SIGN_OUT="provider"))
    browser.sign_in()
    location = browser.sign_out(callbackUrl="/about").headers["Location"]
    assert urlsplit(location).path == "/development/end-session"
    page = browser.get(location)

    assert "Sign out here too?" in page.text
    assert browser.session() is None
