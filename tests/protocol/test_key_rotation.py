"""Rotation of the provider's keys, and cached keys and metadata while the provider is unavailable."""

from __future__ import annotations

from typing import Any

import pytest

from genkan.oauth.discovery import (
    KEYS_SECONDS,
    METADATA_SECONDS,
    MIN_FORCED_INTERVAL,
    RETRY_AFTER_FAILURE,
    STALE_SECONDS,
)
from tests.provider_client import ProviderClient, failure_reason
from tests.servers.faulty.faults import Faults
from tests.tokens.signing import key

DISCOVERY = "/.well-known/openid-configuration"


def sign_in_succeeds(client: ProviderClient) -> bool:
    """Sign in. Return True on success. A failed sign-in must show its reason."""
    response = client.sign_in_as("/about")
    return response.headers["Location"].endswith("/about") or failure_reason(response, client) is None


def keys_fetched(client: ProviderClient) -> int:
    return client.op.count("/jwks")


def test_metadata_and_keys_are_fetched_once_while_they_are_fresh(client: ProviderClient) -> None:
    assert all(sign_in_succeeds(client) for _ in range(3))
    assert (client.op.count(DISCOVERY), keys_fetched(client)) == (1, 1)
    client.clock.advance(KEYS_SECONDS)
    assert sign_in_succeeds(client)
    assert (client.op.count(DISCOVERY), keys_fetched(client)) == (1, 2)
    client.clock.advance(METADATA_SECONDS - KEYS_SECONDS)
    assert sign_in_succeeds(client)
    assert client.op.count(DISCOVERY) == 2


@pytest.mark.parametrize("keep_kid", [False, True])
def test_a_new_key_costs_one_more_fetch(client: ProviderClient, keep_kid: bool) -> None:
    """With a new `kid`, and with the old `kid` where only the signature check fails."""
    assert sign_in_succeeds(client)
    client.op.rotate(keep_kid=keep_kid)

    assert sign_in_succeeds(client)
    assert keys_fetched(client) == 2
    assert sign_in_succeeds(client)
    assert keys_fetched(client) == 2


def test_a_second_rotation_a_few_minutes_later_is_accepted(client: ProviderClient) -> None:
    assert sign_in_succeeds(client)
    for _ in range(3):
        client.op.rotate()
        client.clock.advance(MIN_FORCED_INTERVAL)
        assert sign_in_succeeds(client)

    assert keys_fetched(client) == 4


@pytest.mark.parametrize("fault", ["unknown-kid", "wrong-key"])
def test_forged_tokens_do_not_cause_many_key_requests(client: ProviderClient, fault: Any) -> None:
    assert sign_in_succeeds(client)
    client.op.faults.id_token = fault
    refused = [sign_in_succeeds(client) for _ in range(5)]

    assert refused == [False] * 5
    assert keys_fetched(client) == 2
    client.op.faults = Faults()
    assert sign_in_succeeds(client)


def test_a_withdrawn_key_is_refused_once_the_cached_keys_expire(client: ProviderClient) -> None:
    """An attacker may still sign with the withdrawn key."""
    assert sign_in_succeeds(client)
    client.op.withdraw()
    client.clock.advance(KEYS_SECONDS)

    assert not sign_in_succeeds(client)


@pytest.mark.parametrize("fault", ["500", "html", "reset", "no-keys", "not-a-set"])
def test_cached_keys_are_used_while_the_provider_fails(client: ProviderClient, fault: Any) -> None:
    assert sign_in_succeeds(client)
    client.op.faults.jwks = fault
    client.clock.advance(STALE_SECONDS - 1)
    assert sign_in_succeeds(client)
    client.clock.advance(1)
    assert not sign_in_succeeds(client)
    client.op.faults = Faults()
    assert sign_in_succeeds(client)


@pytest.mark.parametrize("fault", ["500", "html", "reset", "wrong-issuer", "missing-endpoints", "http-endpoints"])
def test_cached_metadata_is_used_while_the_provider_fails(client: ProviderClient, fault: Any) -> None:
    assert sign_in_succeeds(client)
    client.op.faults.discovery = fault
    client.clock.advance(STALE_SECONDS - 1)
    assert sign_in_succeeds(client)
    client.clock.advance(1)
    assert failure_reason(client.begin_sign_in(provider="oidc"), client) in {"refused", "unavailable"}
    client.op.faults = Faults()
    assert sign_in_succeeds(client)


def test_a_provider_that_failed_is_not_asked_again_at_every_sign_in(client: ProviderClient) -> None:
    """A callback needs metadata twice and keys once.

    Each request to a provider that hangs would take the whole timeout.
    """
    assert sign_in_succeeds(client)
    client.op.faults = Faults(discovery="500", jwks="500")
    client.clock.advance(METADATA_SECONDS)
    assert all(sign_in_succeeds(client) for _ in range(3))
    assert (client.op.count(DISCOVERY), keys_fetched(client)) == (2, 2)
    client.clock.advance(RETRY_AFTER_FAILURE)
    assert sign_in_succeeds(client)
    assert (client.op.count(DISCOVERY), keys_fetched(client)) == (3, 3)


def test_keys_that_cannot_be_fetched_do_not_replace_the_cached_keys(client: ProviderClient) -> None:
    assert sign_in_succeeds(client)
    client.op.faults = Faults(jwks="500", id_token="unknown-kid")
    assert failure_reason(client.sign_in_as(), client) == "unavailable"
    client.op.faults = Faults(jwks="500")

    assert sign_in_succeeds(client)


def test_a_clock_set_back_does_not_extend_the_life_of_a_key(client: ProviderClient) -> None:
    client.clock.advance(3600)
    assert sign_in_succeeds(client)
    client.op.withdraw()
    client.clock.advance(-3600)

    assert not sign_in_succeeds(client)


def test_an_unreadable_key_does_not_hide_the_valid_one(client: ProviderClient) -> None:
    client.op.faults.jwks = "unparseable-key"

    assert sign_in_succeeds(client)


@pytest.mark.parametrize("several", [False, True])
def test_a_token_without_kid_is_checked_against_all_matching_keys(client: ProviderClient, several: bool) -> None:
    client.op.faults.id_token = "kid-absent"
    if several:
        client.op.publish_more()

    assert sign_in_succeeds(client)


def test_a_token_without_kid_needs_a_published_key(client: ProviderClient) -> None:
    client.op.faults.id_token = "kid-absent"
    client.op.signer = key("attacker", "RS256")

    assert not sign_in_succeeds(client)
