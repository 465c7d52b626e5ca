"""Which providers the environment turns on, and what it is told when it says something else than it means."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from genkan.errors import ConfigurationError
from genkan.providers.base import Provider
from genkan.providers.registry import PROVIDERS, from_environment, suggest_variable, unknown_variables, unusual_issuers

SECRET = "made-up-secret"
TENANT = "11111111-2222-3333-4444-555555555555"
MICROSOFT = "https://login.microsoftonline.com"

ISSUERS = {
    "keycloak": "https://id.example.com/realms/house",
    "auth0": "https://tenant.eu.auth0.com/",
    "okta": "https://org.okta.com/oauth2/default",
    "cognito": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab3dE5fG7",
    "authentik": "https://id.example.com/application/o/house/",
    "zitadel": "https://house.zitadel.cloud",
    "oidc": "https://id.example.com",
}


def variables(provider_id: str, **more: str) -> dict[str, str]:
    """Everything the provider needs, and what the test adds or overrides."""
    values = {"ID": "client", "SECRET": SECRET}
    if provider_id in ISSUERS:
        values["ISSUER"] = ISSUERS[provider_id]
    prefix = f"AUTH_{provider_id.upper().replace('-', '_')}_"
    return {prefix + kind: value for kind, value in (values | more).items()}


def on(environment: Mapping[str, str]) -> Provider:
    (provider,) = from_environment(environment)
    return provider


def refusal(environment: Mapping[str, str]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        from_environment(environment)
    assert SECRET not in str(raised.value)
    return str(raised.value)


def test_an_empty_environment_turns_nothing_on() -> None:
    assert from_environment({}) == ()
    assert from_environment({"AUTH_SECRET": SECRET, "AUTH_URL": "https://house.example.com"}) == ()


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_a_provider_is_on_when_all_it_needs_is_set(provider: Provider) -> None:
    turned_on = on(variables(provider.id))
    assert (turned_on.id, turned_on.client_id, turned_on.client_secret) == (provider.id, "client", SECRET)
    assert turned_on.issuer == ISSUERS.get(provider.id, provider.issuer)
    assert SECRET not in repr(turned_on)


def test_several_come_in_the_order_of_the_catalogue() -> None:
    environment = variables("spotify") | variables("oidc") | variables("google")
    assert [provider.id for provider in from_environment(environment)] == ["google", "spotify", "oidc"]


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_each_variable_that_is_missing_is_named_with_a_remedy(provider: Provider) -> None:
    complete = variables(provider.id)
    for missing in complete:
        for absent in ({}, {missing: ""}, {missing: " \t\n"}):
            message = refusal({name: value for name, value in complete.items() if name != missing} | absent)
            assert f"without {missing}. Set {missing} too" in message
            assert all(
                value not in message for name, value in complete.items() if name.endswith(("_SECRET", "_ISSUER"))
            )


def test_an_issuer_alone_is_half_set_too() -> None:
    assert "AUTH_GITLAB_ID and AUTH_GITLAB_SECRET" in refusal({"AUTH_GITLAB_ISSUER": "https://git.example.com"})


def test_blank_counts_as_not_set() -> None:
    assert from_environment(variables("google", ID="", SECRET="  ")) == ()


def test_values_lose_the_space_around_them() -> None:
    provider = on(variables("google", ID=" client\n", SECRET=f"{SECRET}\n"))
    assert (provider.client_id, provider.client_secret) == ("client", SECRET)


@pytest.mark.parametrize("secret", [f"{SECRET}\u2026", f"{SECRET}\nmore", f"\ufeff{SECRET}"])
def test_a_secret_that_was_copied_badly_is_refused(secret: str) -> None:
    assert refusal(variables("google", SECRET=secret)).startswith("AUTH_GOOGLE_SECRET ")


def test_gitlab_may_be_one_s_own_instance() -> None:
    assert on(variables("gitlab", ISSUER="https://git.example.com/gitlab")).issuer == "https://git.example.com/gitlab"


@pytest.mark.parametrize("provider_id", ["google", "github", "slack", "linkedin", "twitch", "discord", "spotify"])
def test_an_issuer_is_refused_where_there_is_but_one(provider_id: str) -> None:
    message = refusal(variables(provider_id, ISSUER="https://own.example.com"))
    assert message.startswith(f"AUTH_{provider_id.upper()}_ISSUER ")
    assert message.endswith("remove it.")


@pytest.mark.parametrize(
    ("tenant", "discovered"),
    [
        ("common", f"{MICROSOFT}/{{tenantid}}/v2.0"),
        ("organizations", f"{MICROSOFT}/{{tenantid}}/v2.0"),
        ("consumers", f"{MICROSOFT}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
        (TENANT, None),
    ],
)
def test_entra_s_shared_tenants_know_what_discovery_will_say(tenant: str, discovered: str | None) -> None:
    provider = on(variables("microsoft-entra-id", ISSUER=f"{MICROSOFT}/{tenant}/v2.0"))
    assert (provider.issuer, provider.multi_tenant_issuer) == (f"{MICROSOFT}/{tenant}/v2.0", discovered)


def test_entra_without_an_issuer_is_open_to_every_tenant_and_a_national_cloud_is_its_own() -> None:
    provider = on(variables("microsoft-entra-id"))
    assert (provider.issuer, provider.multi_tenant_issuer) == (
        f"{MICROSOFT}/common/v2.0",
        f"{MICROSOFT}/{{tenantid}}/v2.0",
    )
    national = on(variables("microsoft-entra-id", ISSUER="https://login.microsoftonline.us/common/v2.0"))
    assert national.multi_tenant_issuer == "https://login.microsoftonline.us/{tenantid}/v2.0"


@pytest.mark.parametrize(
    ("provider_id", "issuer"),
    [
        ("microsoft-entra-id", f"{MICROSOFT}/corp.example.com/v2.0"),
        ("microsoft-entra-id", f"{MICROSOFT}/{TENANT}"),
        ("microsoft-entra-id", f"{MICROSOFT}/{TENANT}/v2.0/"),
        ("auth0", "https://tenant.eu.auth0.com"),
        ("authentik", "https://id.example.com/application/o/house"),
        ("authentik", "https://id.example.com/"),
        ("keycloak", "https://id.example.com/realms/house/"),
        ("keycloak", "https://id.example.com"),
        ("okta", "https://org.okta.com/"),
        ("cognito", "https://house.auth.eu-central-1.amazoncognito.com"),
        ("zitadel", "https://house.zitadel.cloud/"),
        ("gitlab", "https://git.example.com/"),
    ],
)
def test_an_issuer_of_an_unusual_spelling_is_kept_with_a_warning(provider_id: str, issuer: str) -> None:
    provider = on(variables(provider_id, ISSUER=issuer))
    assert provider.issuer == issuer
    (warning,) = unusual_issuers([provider])
    assert warning.startswith(f"AUTH_{provider_id.upper().replace('-', '_')}_ISSUER is not as ")
    assert provider.issuer_example in warning
    assert issuer not in warning.replace(provider.issuer_example, "")


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_the_usual_spelling_brings_no_warning(provider: Provider) -> None:
    assert unusual_issuers([on(variables(provider.id))]) == ()


@pytest.mark.parametrize("provider_id", ["google", "slack", "github"])
def test_the_one_issuer_that_is_known_may_be_set(provider_id: str) -> None:
    known = on(variables(provider_id))
    assert on(variables(provider_id, ISSUER=known.issuer or "")) == known


def test_an_issuer_may_have_a_well_known_path() -> None:
    issuer = "https://id.example.com/.well-known/one"
    assert on(variables("oidc", ISSUER=issuer)).issuer == issuer


@pytest.mark.parametrize("issuer", ["https://id.example.com", "https://id.example.com/", "https://id.example.com/a/"])
def test_a_free_issuer_is_kept_as_written(issuer: str) -> None:
    assert on(variables("oidc", ISSUER=issuer)).issuer == issuer


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "localhost:8080"])
def test_http_is_for_loopback(host: str) -> None:
    assert on(variables("oidc", ISSUER=f"http://{host}/id")).issuer == f"http://{host}/id"


@pytest.mark.parametrize(
    "host", ["id.example.com", "10.0.0.1", "localhost.example.com", "127.1", "[fe80::1]", "0.0.0.0"]
)
def test_http_is_refused_off_loopback(host: str) -> None:
    assert "AUTH_OIDC_ISSUER must begin with https://" in refusal(variables("oidc", ISSUER=f"http://{host}"))


@pytest.mark.parametrize(
    "issuer",
    [
        "id.example.com",
        "/id",
        "ftp://id.example.com",
        "https:///id",
        "https://id.example.com?",
        "https://id.example.com/#",
        "https://id.example.com/?tenant=1",
        "https://user@id.example.com",
        "https://id.example.com:port",
        "https://[::1",
        "https://id.example.com/a b",
        "https://id.example.com\\@evil.example.com",
        "https://id.example.com/" + "a" * 3000,
    ],
)
def test_what_is_no_issuer_is_refused_without_being_repeated(issuer: str) -> None:
    message = refusal(variables("oidc", ISSUER=issuer))
    assert message.startswith("AUTH_OIDC_ISSUER is not an issuer: use an https URL")
    assert issuer not in message


def test_the_address_of_discovery_is_told_from_the_issuer() -> None:
    message = refusal(variables("oidc", ISSUER="https://id.example.com/.well-known/openid-configuration"))
    assert message.endswith("cut it off before /.well-known/.")


def test_oidc_has_the_name_its_owner_gives_it() -> None:
    assert on(variables("oidc")).name == "OpenID Connect"
    assert on(variables("oidc", NAME="  Example \n House ")).name == "Example House"
    assert on(variables("oidc", NAME=" ")).name == "OpenID Connect"


@pytest.mark.parametrize("name", ["a" * 41, "house\x00", "house\u202e"])
def test_a_name_that_no_button_can_show_is_refused(name: str) -> None:
    assert refusal(variables("oidc", NAME=name)).startswith("AUTH_OIDC_NAME ")


def test_a_name_alone_turns_nothing_on() -> None:
    assert from_environment({"AUTH_OIDC_NAME": "Example House"}) == ()


def test_variables_of_providers_that_we_do_not_have_are_named() -> None:
    mistakes = {"AUTH_GOOGEL_ID": "x", "AUTH_MICROSOFT_ENTRA_ID": "x", "AUTH_TIK_TOK_ID": " ", "AUTH_APPLE_SECRET": "x"}
    known = variables("google") | variables("microsoft-entra-id") | variables("oidc")
    assert unknown_variables(known) == ()
    assert unknown_variables(mistakes | known) == ("AUTH_APPLE_SECRET", "AUTH_GOOGEL_ID", "AUTH_MICROSOFT_ENTRA_ID")
    assert unknown_variables({"AUTH_SECRET": "x", "AUTH_URL": "x", "SOME_ID": "x", "AUTH_ID": "x"}) == ()
    assert unknown_variables({"AUTH_DEVELOPMENT_SIGN_OUT": "provider"}) == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("AUTH_GOOGEL_ID", "AUTH_GOOGLE_ID"),
        ("AUTH_GITHB_SECRET", "AUTH_GITHUB_SECRET"),
        ("AUTH_GITHUB_CLIENT_SECRET", "AUTH_GITHUB_SECRET"),
        ("AUTH_TIKTOK_ID", None),
    ],
)
def test_a_slip_of_the_pen_is_told_what_it_was_meant_to_be(written: str, meant: str | None) -> None:
    assert suggest_variable(written) == meant
