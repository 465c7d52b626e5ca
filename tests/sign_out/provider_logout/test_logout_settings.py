"""Settings of RP-initiated logout and the Content-Security-Policy that follows from them."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from genkan.errors import ConfigurationError
from tests.browser import Browser
from tests.conftest import ORIGIN, MakeApp
from tests.provider_client import ProviderClient, get_state, provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.sign_out.provider_logout.logout_steps import form_action, set_end_session_endpoint, submit_sign_out


def test_the_default_is_a_local_sign_out_and_no_stored_id_token(make_app: MakeApp, op: FaultyProvider) -> None:
    for setting in ({}, {"AUTH_OIDC_SIGN_OUT": "local"}, {"AUTH_OIDC_SIGN_OUT": ""}):
        signed_in_client = ProviderClient(make_app(**provider_env(op), **setting), op)
        signed_in_client.sign_in_as()
        records = signed_in_client.core.sessions.store.list_all_active(int(signed_in_client.clock()), 9)
        assert {record.id_token for record in records} == {None}
        assert form_action(signed_in_client.get("/")) == ["'self'"]
        assert submit_sign_out(signed_in_client).headers["Location"] == f"{ORIGIN}/about"


def test_a_session_of_a_disabled_provider_is_signed_out_locally(signed_in_client: ProviderClient) -> None:
    state = get_state(signed_in_client.app)
    state.core = replace(state.core, providers={})

    assert submit_sign_out(signed_in_client).headers["Location"] == f"{ORIGIN}/about"


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
