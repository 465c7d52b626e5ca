"""Settings read from the environment: accepted values, refused values, and the error messages."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from genkan.errors import ConfigurationError
from genkan.settings import environment

SECRET = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"
OTHER = "4e1f0a9b7c6d5e2f8a3b1c0d9e7f6a5b"
PRODUCTION = {"AUTH_SECRET": SECRET, "AUTH_URL": "https://app.example.test"}
DEVELOPMENT = {"GENKAN_ENV": "development", "AUTH_SECRET": SECRET}


def error_message(environ: Mapping[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        environment.from_environment(environ)
    return str(caught.value)


def is_helpful(message: str, name: str, value: str) -> bool:
    """Return True if the message has the variable, the problem and a remedy on one line, and does not contain the value."""
    named, _, text = message.partition(": ")
    return named == name and text.count(". ") >= 1 and message.isprintable() and (len(value) < 9 or value not in text)


@pytest.mark.parametrize("missing", ["AUTH_SECRET", "AUTH_URL"])
@pytest.mark.parametrize("absent", [True, False], ids=["unset", "empty"])
def test_production_needs_a_secret_and_a_url(missing: str, absent: bool) -> None:
    environ = {name: value for name, value in PRODUCTION.items() if name != missing}
    assert error_message(environ if absent else {**environ, missing: ""}).startswith(f"{missing}: it is not set. ")


def test_production_is_the_default() -> None:
    settings = environment.from_environment(PRODUCTION)
    assert settings.production
    assert not settings.development_provider


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_trusting_the_host_header_is_refused_with_a_remedy(value: str) -> None:
    message = error_message({"AUTH_SECRET": SECRET, "AUTH_TRUST_HOST": value})
    assert message.startswith("AUTH_TRUST_HOST: ")
    assert "AUTH_URL" in message


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_without_trusting_the_host_header_the_url_is_required(value: str) -> None:
    assert error_message({"AUTH_SECRET": SECRET, "AUTH_TRUST_HOST": value}).startswith("AUTH_URL: ")


def test_trusting_the_host_header_has_no_effect_if_the_url_is_set() -> None:
    assert environment.from_environment({**PRODUCTION, "AUTH_TRUST_HOST": "true"}) == environment.from_environment(
        PRODUCTION
    )


def test_the_newest_secret_comes_first_as_in_authjs() -> None:
    numbered = {f"AUTH_SECRET_{number}": f"{number}{OTHER}" for number in (1, 2, 3)}
    assert environment.from_environment({**PRODUCTION, **numbered}).secrets == (
        f"3{OTHER}",
        f"2{OTHER}",
        f"1{OTHER}",
        SECRET,
    )


def test_a_numbered_secret_is_enough_and_duplicates_are_dropped() -> None:
    environ = {"AUTH_URL": PRODUCTION["AUTH_URL"], "AUTH_SECRET_1": OTHER, "AUTH_SECRET_3": OTHER}
    assert environment.from_environment(environ).secrets == (OTHER,)


@pytest.mark.parametrize("secret", [SECRET, OTHER, "correct " * 3 + "häuschen-am-see-17"])
def test_a_long_secret_may_have_any_characters(secret: str) -> None:
    assert environment.from_environment({**PRODUCTION, "AUTH_SECRET": secret}).secrets == (secret,)


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("https://app.example.test", "https://app.example.test"),
        ("https://APP.Example.test/", "https://app.example.test"),
        ("https://app.example.test:443/api/auth", "https://app.example.test"),
        ("https://app.example.test:8443/api/auth/", "https://app.example.test:8443"),
        ("http://localhost:5000", "http://localhost:5000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_the_url_is_reduced_to_its_origin(value: str, origin: str) -> None:
    assert environment.from_environment({**PRODUCTION, "AUTH_URL": value}).url == origin


def test_the_default_url_in_development_is_loopback_at_the_configured_port() -> None:
    settings = environment.from_environment({**DEVELOPMENT, "PORT": "5050"})
    assert (settings.url, settings.host, settings.port) == ("http://localhost:5050", "127.0.0.1", 5050)
    assert settings.development_provider


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("::1", "http://[::1]:8000"),
        ("0:0:0:0:0:0:0:1", "http://[::1]:8000"),
        ("127.0.0.1", "http://localhost:8000"),
        ("127.0.0.2", "http://127.0.0.2:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_the_default_url_in_development_uses_the_configured_host(host: str, url: str) -> None:
    settings = environment.from_environment({**DEVELOPMENT, "HOST": host})
    assert (settings.url, settings.warnings) == (url, ())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2"])
def test_without_a_url_a_host_open_to_the_network_causes_a_warning(host: str) -> None:
    (warning,) = environment.from_environment({**DEVELOPMENT, "HOST": host}).warnings
    assert warning.startswith("AUTH_URL: it is not set")
    assert "development provider is off" in warning
    assert (
        environment.from_environment({**DEVELOPMENT, "HOST": host, "AUTH_URL": "http://192.168.1.2:5000"}).warnings
        == ()
    )


def test_a_public_url_turns_the_development_provider_off() -> None:
    """The development provider signs in any client as any user, and a tunnel may forward requests to a loopback HOST."""
    tunnel = {**DEVELOPMENT, "AUTH_URL": "https://app.example.test"}
    settings = environment.from_environment(tunnel)
    assert not settings.development_provider
    (warning,) = settings.warnings
    assert warning.startswith("AUTH_URL: other computers can reach this address. ")
    assert error_message({**tunnel, "AUTH_DEVELOPMENT_PROVIDER": "on"}).startswith("AUTH_DEVELOPMENT_PROVIDER: ")


def test_the_development_provider_can_be_turned_off() -> None:
    assert not environment.from_environment({**DEVELOPMENT, "AUTH_DEVELOPMENT_PROVIDER": "off"}).development_provider


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_postgresql_url_uses_psycopg_3(scheme: str) -> None:
    url = environment.from_environment(
        {**PRODUCTION, "DATABASE_URL": f"{scheme}://ann:p#a^ss@db.example.test/genkan"}
    ).database_url
    assert url == "postgresql+psycopg://ann:p#a^ss@db.example.test/genkan"


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("POSTGRESQL://h/Name", "postgresql+psycopg://h/Name"),
        ("Postgres://Ann@h/x", "postgresql+psycopg://Ann@h/x"),
        ("SQLite:////srv/App.db", "sqlite:////srv/App.db"),
    ],
)
def test_the_scheme_of_a_url_is_case_insensitive(value: str, url: str) -> None:
    assert environment.from_environment({**PRODUCTION, "DATABASE_URL": value}).database_url == url


def test_a_host_with_other_letters_must_be_written_in_punycode() -> None:
    assert "xn--" in error_message({**PRODUCTION, "AUTH_URL": "https://bücher.example"})
    assert (
        environment.from_environment({**PRODUCTION, "AUTH_URL": "https://xn--bcher-kva.example"}).url
        == "https://xn--bcher-kva.example"
    )


def test_the_default_database_is_a_file_in_the_project() -> None:
    assert environment.from_environment(PRODUCTION).database_url == f"sqlite:///{environment.ROOT}/instance/genkan.db"


@pytest.mark.parametrize("url", ["redis://localhost:6379/0", "rediss://:x9@cache.example.test/0", "unix:///run/redis"])
def test_redis_is_used_only_if_its_url_is_set(url: str) -> None:
    assert environment.from_environment({**PRODUCTION, "REDIS_URL": url}).redis_url == url
    assert environment.from_environment(PRODUCTION).redis_url is None


def test_only_variables_of_providers_are_passed_to_them() -> None:
    providers = {
        "AUTH_GOOGLE_ID": "id",
        "AUTH_GOOGLE_SECRET": "GOCSPX-4e1f0a9b",
        "AUTH_MICROSOFT_ENTRA_ID_ID": "id",
        "AUTH_KEYCLOAK_ISSUER": "https://keycloak.example.test/realms/one",
    }
    others = {"AUTH_SECRET_1": OTHER, "AUTH_TRUST_HOST": "", "AUTH_GITHUB_ID": "", "PATH": "/bin"}
    assert environment.from_environment({**PRODUCTION, **providers, **others}).provider_environment == providers


def test_an_issuer_on_loopback_may_use_http() -> None:
    issuer = {"AUTH_OIDC_ISSUER": "http://localhost:9400"}
    assert environment.from_environment({**PRODUCTION, **issuer}).provider_environment == issuer


def test_session_lifetimes_default_to_those_of_authjs_with_a_limit_of_90_days() -> None:
    settings = environment.from_environment(PRODUCTION)
    ages = settings.session_max_age, settings.session_update_age, settings.session_absolute_age
    assert ages == (2_592_000, 86_400, 7_776_000)


def test_the_update_age_is_at_most_the_max_age() -> None:
    assert environment.from_environment({**PRODUCTION, "AUTH_SESSION_MAX_AGE": "600"}).session_update_age == 600


def test_the_update_age_may_be_zero() -> None:
    assert environment.from_environment({**PRODUCTION, "AUTH_SESSION_UPDATE_AGE": "0"}).session_update_age == 0


def test_a_weak_secret_in_development_is_a_warning_that_does_not_repeat_it() -> None:
    (warning,) = environment.from_environment({**DEVELOPMENT, "AUTH_SECRET": "short"}).warnings
    assert warning.startswith("AUTH_SECRET: it is shorter than 32 bytes. ")
    assert environment.from_environment(DEVELOPMENT).warnings == ()


def test_no_configured_provider_is_a_warning() -> None:
    (warning,) = environment.from_environment(PRODUCTION).warnings
    assert warning.startswith("AUTH_<PROVIDER>_ID: none is set, so users cannot sign in. ")
    assert environment.from_environment({**PRODUCTION, "AUTH_GITHUB_ID": "Iv1.8a61f9b3"}).warnings == ()


def test_the_repr_of_the_settings_contains_no_secret() -> None:
    environ = {**PRODUCTION, "DATABASE_URL": "postgresql://ann:hunter22@db/x", "AUTH_GITHUB_SECRET": "hunter22"}
    printed = repr(environment.from_environment(environ))
    assert SECRET not in printed
    assert "hunter22" not in printed
