"""Providers that the environment enables, and messages about its mistakes."""

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
    "keycloak": "https://id.example.com/realms/example",
    "auth0": "https://tenant.eu.auth0.com/",
    "okta": "https://org.okta.com/oauth2/default",
    "cognito": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab3dE5fG7",
    "authentik": "https://id.example.com/application/o/example/",
    "zitadel": "https://example.zitadel.cloud",
    "oidc": "https://id.example.com",
}


def variables(provider_id: str, **more: str) -> dict[str, str]:
    """Return all variables of the provider, with those of the test added or replaced."""
    values = {"ID": "client", "SECRET": SECRET}
    if provider_id in ISSUERS:
        values["ISSUER"] = ISSUERS[provider_id]
    prefix = f"AUTH_{provider_id.upper().replace('-', '_')}_"
    return {prefix + kind: value for kind, value in (values | more).items()}


def enabled_provider(environ: Mapping[str, str]) -> Provider:
    """Return the only enabled provider."""
    (provider,) = from_environment(environ)
    return provider


def error_message(environ: Mapping[str, str]) -> str:
    """Return the message of the ConfigurationError, which must not contain the secret."""
    with pytest.raises(ConfigurationError) as raised:
        from_environment(environ)
    assert SECRET not in str(raised.value)
    return str(raised.value)


def test_an_empty_environment_enables_no_provider() -> None:
    assert from_environment({}) == ()
    assert from_environment({"AUTH_SECRET": SECRET, "AUTH_URL": "https://example.example.com"}) == ()


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_a_provider_with_all_its_variables_is_enabled(provider: Provider) -> None:
    enabled = enabled_provider(variables(provider.id))
    assert (enabled.id, enabled.client_id, enabled.client_secret) == (provider.id, "client", SECRET)
    assert enabled.issuer == ISSUERS.get(provider.id, provider.issuer)
    assert SECRET not in repr(enabled)


def test_providers_are_in_the_order_of_the_registry() -> None:
    environ = variables("spotify") | variables("oidc") | variables("google")
    assert [provider.id for provider in from_environment(environ)] == ["google", "spotify", "oidc"]


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_each_missing_variable_is_named_with_the_remedy(provider: Provider) -> None:
    complete = variables(provider.id)
    for missing in complete:
        for absent in ({}, {missing: ""}, {missing: " \t\n"}):
            message = error_message({name: value for name, value in complete.items() if name != missing} | absent)
            assert f"without {missing}. Set {missing} too" in message
            assert all(
                value not in message for name, value in complete.items() if name.endswith(("_SECRET", "_ISSUER"))
            )


def test_an_issuer_without_credentials_is_refused() -> None:
    assert "AUTH_GITLAB_ID and AUTH_GITLAB_SECRET" in error_message({"AUTH_GITLAB_ISSUER": "https://git.example.com"})


def test_a_blank_variable_counts_as_unset() -> None:
    assert from_environment(variables("google", ID="", SECRET="  ")) == ()


def test_whitespace_around_values_is_removed() -> None:
    provider = enabled_provider(variables("google", ID=" client\n", SECRET=f"{SECRET}\n"))
    assert (provider.client_id, provider.client_secret) == ("client", SECRET)


@pytest.mark.parametrize("secret", [f"{SECRET}\u2026", f"{SECRET}\nmore", f"\ufeff{SECRET}"])
def test_a_secret_with_other_characters_is_refused(secret: str) -> None:
    assert error_message(variables("google", SECRET=secret)).startswith("AUTH_GOOGLE_SECRET ")


def test_gitlab_may_be_a_self_managed_instance() -> None:
    assert (
        enabled_provider(variables("gitlab", ISSUER="https://git.example.com/gitlab")).issuer
        == "https://git.example.com/gitlab"
    )


@pytest.mark.parametrize("provider_id", ["google", "github", "slack", "linkedin", "twitch", "discord", "spotify"])
def test_an_issuer_is_refused_for_providers_with_a_single_one(provider_id: str) -> None:
    message = error_message(variables(provider_id, ISSUER="https://own.example.com"))
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
def test_shared_tenants_of_entra_have_the_issuer_of_the_discovery_document(tenant: str, discovered: str | None) -> None:
    provider = enabled_provider(variables("microsoft-entra-id", ISSUER=f"{MICROSOFT}/{tenant}/v2.0"))
    assert (provider.issuer, provider.multi_tenant_issuer) == (f"{MICROSOFT}/{tenant}/v2.0", discovered)


def test_entra_accepts_every_tenant_by_default_and_supports_national_clouds() -> None:
    provider = enabled_provider(variables("microsoft-entra-id"))
    assert (provider.issuer, provider.multi_tenant_issuer) == (
        f"{MICROSOFT}/common/v2.0",
        f"{MICROSOFT}/{{tenantid}}/v2.0",
    )
    national = enabled_provider(variables("microsoft-entra-id", ISSUER="https://login.microsoftonline.us/common/v2.0"))
    assert national.multi_tenant_issuer == "https://login.microsoftonline.us/{tenantid}/v2.0"


@pytest.mark.parametrize(
    ("provider_id", "issuer"),
    [
        ("microsoft-entra-id", f"{MICROSOFT}/corp.example.com/v2.0"),
        ("microsoft-entra-id", f"{MICROSOFT}/{TENANT}"),
        ("microsoft-entra-id", f"{MICROSOFT}/{TENANT}/v2.0/"),
        ("auth0", "https://tenant.eu.auth0.com"),
        ("authentik", "https://id.example.com/application/o/example"),
        ("authentik", "https://id.example.com/"),
        ("keycloak", "https://id.example.com/realms/example/"),
        ("keycloak", "https://id.example.com"),
        ("okta", "https://org.okta.com/"),
        ("cognito", "https://example.auth.eu-central-1.amazoncognito.com"),
        ("zitadel", "https://example.zitadel.cloud/"),
        ("gitlab", "https://git.example.com/"),
    ],
)
def test_an_unusual_issuer_is_accepted_with_a_warning(provider_id: str, issuer: str) -> None:
    provider = enabled_provider(variables(provider_id, ISSUER=issuer))
    assert provider.issuer == issuer
    (warning,) = unusual_issuers([provider])
    assert warning.startswith(f"AUTH_{provider_id.upper().replace('-', '_')}_ISSUER does not have the usual form for ")
    assert provider.issuer_example in warning
    assert issuer not in warning.replace(provider.issuer_example, "")


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_a_usual_issuer_has_no_warning(provider: Provider) -> None:
    assert unusual_issuers([enabled_provider(variables(provider.id))]) == ()


@pytest.mark.parametrize("provider_id", ["google", "slack", "github"])
def test_the_default_issuer_may_be_set(provider_id: str) -> None:
    known = enabled_provider(variables(provider_id))
    assert enabled_provider(variables(provider_id, ISSUER=known.issuer or "")) == known


def test_an_issuer_may_have_a_well_known_path() -> None:
    issuer = "https://id.example.com/.well-known/one"
    assert enabled_provider(variables("oidc", ISSUER=issuer)).issuer == issuer


@pytest.mark.parametrize("issuer", ["https://id.example.com", "https://id.example.com/", "https://id.example.com/a/"])
def test_an_issuer_is_used_exactly_as_written(issuer: str) -> None:
    assert enabled_provider(variables("oidc", ISSUER=issuer)).issuer == issuer


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "localhost:8080"])
def test_http_is_allowed_for_loopback_hosts(host: str) -> None:
    assert enabled_provider(variables("oidc", ISSUER=f"http://{host}/id")).issuer == f"http://{host}/id"


@pytest.mark.parametrize(
    "host", ["id.example.com", "10.0.0.1", "localhost.example.com", "127.1", "[fe80::1]", "0.0.0.0"]
)
def test_http_is_refused_for_other_hosts(host: str) -> None:
    assert "AUTH_OIDC_ISSUER must begin with https://" in error_message(variables("oidc", ISSUER=f"http://{host}"))


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
def test_an_invalid_issuer_is_refused_and_not_quoted(issuer: str) -> None:
    message = error_message(variables("oidc", ISSUER=issuer))
    assert message.startswith("AUTH_OIDC_ISSUER is not an issuer: use an https URL")
    assert issuer not in message


def test_the_url_of_the_discovery_document_is_refused() -> None:
    message = error_message(variables("oidc", ISSUER="https://id.example.com/.well-known/openid-configuration"))
    assert message.endswith("remove the part from /.well-known/ on.")


def test_the_name_of_the_oidc_button_can_be_set() -> None:
    assert enabled_provider(variables("oidc")).name == "OpenID Connect"
    assert enabled_provider(variables("oidc", NAME="  Example \n Login ")).name == "Example Login"
    assert enabled_provider(variables("oidc", NAME=" ")).name == "OpenID Connect"


@pytest.mark.parametrize("name", ["a" * 41, "name\x00", "name\u202e"])
def test_an_unprintable_or_long_name_is_refused(name: str) -> None:
    assert error_message(variables("oidc", NAME=name)).startswith("AUTH_OIDC_NAME ")


def test_a_name_alone_enables_no_provider() -> None:
    assert from_environment({"AUTH_OIDC_NAME": "Example Login"}) == ()


def test_variables_of_unknown_providers_are_listed() -> None:
    mistakes = {"AUTH_GOOGEL_ID": "x", "AUTH_MICROSOFT_ENTRA_ID": "x", "AUTH_TIK_TOK_ID": " ", "AUTH_APPLE_SECRET": "x"}
    known = variables("google") | variables("microsoft-entra-id") | variables("oidc")
    assert unknown_variables(known) == ()
    assert unknown_variables(mistakes | known) == ("AUTH_APPLE_SECRET", "AUTH_GOOGEL_ID", "AUTH_MICROSOFT_ENTRA_ID")
    assert unknown_variables({"AUTH_SECRET": "x", "AUTH_URL": "x", "SOME_ID": "x", "AUTH_ID": "x"}) == ()
    assert unknown_variables({"AUTH_DEVELOPMENT_SIGN_OUT": "provider"}) == ()


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("AUTH_GOOGEL_ID", "AUTH_GOOGLE_ID"),
        ("AUTH_GITHB_SECRET", "AUTH_GITHUB_SECRET"),
        ("AUTH_GITHUB_CLIENT_SECRET", "AUTH_GITHUB_SECRET"),
        ("AUTH_TIKTOK_ID", None),
    ],
)
def test_a_misspelled_variable_gets_a_suggestion(variable: str, expected: str | None) -> None:
    assert suggest_variable(variable) == expected


def test_scopes_are_added_to_the_provider_s_own() -> None:
    added = "https://example.org/auth/calendar email"
    provider = enabled_provider(variables("google", SCOPE=added))
    assert provider.scope.split() == ["openid", "profile", "email", "https://example.org/auth/calendar"]


@pytest.mark.parametrize("scope", ['a"b', "a\\b", "café"])
def test_characters_that_no_scope_can_have_are_refused(scope: str) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_GOOGLE_SCOPE"):
        from_environment(variables("google", SCOPE=scope))


def test_the_addresses_of_a_provider_are_trusted_if_the_owner_says_so() -> None:
    assert enabled_provider(variables("keycloak", TRUST_EMAIL="1")).trusts_email
    assert not enabled_provider(variables("keycloak")).trusts_email
    with pytest.raises(ConfigurationError, match="AUTH_KEYCLOAK_TRUST_EMAIL"):
        from_environment(variables("keycloak", TRUST_EMAIL="yes"))


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers", None])
def test_the_addresses_of_several_tenants_are_not_trusted(tenant: str | None) -> None:
    issuer = {} if tenant is None else {"ISSUER": f"{MICROSOFT}/{tenant}/v2.0"}
    with pytest.raises(ConfigurationError, match="AUTH_MICROSOFT_ENTRA_ID_TRUST_EMAIL"):
        from_environment(variables("microsoft-entra-id", TRUST_EMAIL="1", **issuer))


def test_the_addresses_of_one_tenant_can_be_trusted() -> None:
    values = variables("microsoft-entra-id", TRUST_EMAIL="1", ISSUER=f"{MICROSOFT}/{TENANT}/v2.0")
    assert enabled_provider(values).trusts_email
