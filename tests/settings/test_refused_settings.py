"""Settings that are refused, everywhere or in production only."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from genkan.settings import environment
from tests.settings.test_settings import DEVELOPMENT, PRODUCTION, error_message, is_helpful

REFUSED_EVERYWHERE: list[tuple[str, str]] = [
    ("GENKAN_ENV", "staging"),
    ("AUTH_SECRET", '"Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"'),
    ("AUTH_SECRET", "'Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-'"),
    ("AUTH_GITHUB_ID", '"Iv1.8a61f9b3a7aba766"'),
    ("AUTH_GITHUB_SECRET", "'Kq7Xw2Zp9Lr4Nt6Vb8Ym1Cd3Fg5Hj0Ts'"),
    ("AUTH_OIDC_NAME", '"ACME"'),
    ("GENKAN_COOKIE_PREFIX", '"shop"'),
    ("WEB_CONCURRENCY", '"2"'),
    ("DATABASE_URL", '"sqlite:///genkan.db"'),
    ("AUTH_URL", "app.example.test"),
    ("AUTH_URL", "ftp://app.example.test"),
    ("AUTH_URL", "https://"),
    ("AUTH_URL", "https://app.example.test/elsewhere"),
    ("AUTH_URL", "https://app.example.test/?next=1"),
    ("AUTH_URL", "https://app.example.test/#top"),
    ("AUTH_URL", "https://ann:hunter2@app.example.test"),
    ("AUTH_URL", "https://app.example.test\n.evil.test"),
    ("AUTH_URL", "https://app.example.test\\@evil.test"),
    ("AUTH_URL", "https://app.example.test:99999"),
    ("AUTH_URL", "https://[::1"),
    ("AUTH_URL", '"https://app.example.test"'),
    ("AUTH_URL", "https://a..b"),
    ("AUTH_URL", "https://.example.test"),
    ("AUTH_URL", f"https://{'a' * 64}.example.test"),
    ("AUTH_URL", "https://bücher.example"),
    ("AUTH_PASSKEY_RP_ID", "other.test"),
    ("AUTH_PASSKEY_RP_ID", "below.app.example.test"),
    ("AUTH_PASSKEY_RP_ID", "p.example.test"),
    ("AUTH_PASSKEY_RP_ID", ".example.test"),
    ("AUTH_PASSKEY_RP_ID", "test"),
    ("AUTH_PASSKEY_RP_ID", "https://app.example.test"),
    ("DATABASE_URL", "genkan.db"),
    ("DATABASE_URL", "postgresql://ann:hunter@22@db.example.test/genkan"),
    ("DATABASE_URL", "sqlite:///file:x?mode=memory&uri=true"),
    ("DATABASE_URL", "SQLITE:////file:genkan.db"),
    ("REDIS_URL", "redis://127.0.0.1:6379/abc"),
    ("REDIS_URL", "rediss://127.0.0.1:6379/0/1"),
    ("REDIS_URL", "unix:///"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "redis://"),
    ("HOST", "http://127.0.0.1"),
    ("HOST", "two words"),
    ("HOST", "1:"),
    ("HOST", "::1%eth0"),
    ("PORT", "http"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "-1"),
    ("PORT", "\u0665\u0660"),
    ("TRUSTED_PROXY_HOPS", "yes"),
    ("TRUSTED_PROXY_HOPS", "11"),
    ("WEB_CONCURRENCY", "0"),
    ("WEB_CONCURRENCY", "many"),
    ("AUTH_SESSION_MAX_AGE", "30d"),
    ("AUTH_SESSION_MAX_AGE", "0"),
    ("AUTH_SESSION_UPDATE_AGE", "2592001"),
    ("AUTH_SESSION_UPDATE_AGE", "-1"),
    ("AUTH_SESSION_ABSOLUTE_AGE", "2591999"),
    ("AUTH_DEVELOPMENT_PROVIDER", "maybe"),
    ("AUTH_KEYCLOAK_ISSUER", "keycloak.example.test"),
    ("AUTH_KEYCLOAK_ISSUER", "https://keycloak.example.test/realms/one?x=1"),
    ("AUTH_MICROSOFT_ENTRA_ID_ISSUER", "javascript:alert(1)"),
]

REFUSED_IN_PRODUCTION: list[tuple[str, str]] = [
    *[
        (name, secret)
        for name in environment.SECRETS
        for secret in (
            "short-4e1f0a9b7c6d5e2f8a3b1c0d9",
            "é" * 15,
            "a" * 64,
            "4e1f0a9b" * 8,
            "abababababababababababababababab",
            "aaaabbbbccccddddeeeeffffgggghhhh",
            "aaaaaaaaaaaaaaaaaaaaaaaaabcdefgh",
        )
    ],
    ("AUTH_URL", "http://app.example.test"),
    ("AUTH_URL", "http://127.0.0.1.example.test"),
    ("AUTH_URL", "http://192.168.1.2:5000"),
    ("AUTH_KEYCLOAK_ISSUER", "http://keycloak.example.test/realms/one"),
    ("AUTH_DEVELOPMENT_PROVIDER", "on"),
    ("FLASK_DEBUG", "1"),
    ("FLASK_DEBUG", "on"),
    ("DATABASE_URL", "sqlite://"),
    ("DATABASE_URL", "sqlite:///:memory:"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED_EVERYWHERE)
@pytest.mark.parametrize("base", [PRODUCTION, DEVELOPMENT], ids=["production", "development"])
def test_an_invalid_value_is_refused_and_the_variable_named(base: Mapping[str, str], name: str, value: str) -> None:
    assert is_helpful(error_message({**base, name: value}), name, value)


@pytest.mark.parametrize(("name", "value"), REFUSED_IN_PRODUCTION)
def test_production_refuses_unsafe_values_without_repeating_them(name: str, value: str) -> None:
    assert is_helpful(error_message({**PRODUCTION, name: value}), name, value)


@pytest.mark.parametrize(("name", "value"), REFUSED_IN_PRODUCTION)
def test_development_accepts_values_that_are_unsafe_in_production(name: str, value: str) -> None:
    assert not environment.from_environment({**DEVELOPMENT, name: value}).production
