"""Keys come and go: new ones are fetched, withdrawn ones die, good copies outlive a bad hour (O5, F3, F8, F9)."""

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


def enters(client: ProviderClient) -> bool:
    """Whether the next sign-in succeeds; where it does not, the visitor is told why."""
    answer = client.sign_in_as("/about")
    return answer.headers["Location"].endswith("/about") or failure_reason(answer, client) is None


def keys_fetched(client: ProviderClient) -> int:
    return client.op.count("/jwks")


def test_metadata_and_keys_are_asked_for_once_while_they_are_fresh(client: ProviderClient) -> None:
    assert all(enters(client) for _ in range(3))
    assert (client.op.count(DISCOVERY), keys_fetched(client)) == (1, 1)
    client.clock.advance(KEYS_SECONDS)
    assert enters(client)
    assert (client.op.count(DISCOVERY), keys_fetched(client)) == (1, 2)
    client.clock.advance(METADATA_SECONDS - KEYS_SECONDS)
    assert enters(client)
    assert client.op.count(DISCOVERY) == 2


@pytest.mark.parametrize("keep_kid", [False, True])
def test_a_new_key_costs_one_more_fetch(client: ProviderClient, keep_kid: bool) -> None:
    """Under a new id as under the old one, where only the signature tells (F8)."""
    assert enters(client)
    client.op.rotate(keep_kid=keep_kid)

    assert enters(client)
    assert keys_fetched(client) == 2
    assert enters(client)
    assert keys_fetched(client) == 2


def test_a_second_rotation_minutes_later_gets_through(client: ProviderClient) -> None:
    assert enters(client)
    for _ in range(3):
        client.op.rotate()
        client.clock.advance(MIN_FORCED_INTERVAL)
        assert enters(client)

    assert keys_fetched(client) == 4


@pytest.mark.parametrize("fault", ["unknown-kid", "wrong-key"])
def test_forged_tokens_cannot_make_us_a_flood(client: ProviderClient, fault: Any) -> None:
    assert enters(client)
    client.op.faults.id_token = fault
    refused = [enters(client) for _ in range(5)]

    assert refused == [False] * 5
    assert keys_fetched(client) == 2
    client.op.faults = Faults()
    assert enters(client)


def test_a_withdrawn_key_is_refused_when_the_copy_is_no_longer_fresh(client: ProviderClient) -> None:
    """Its thief goes on signing with it (F9)."""
    assert enters(client)
    client.op.withdraw()
    client.clock.advance(KEYS_SECONDS)

    assert not enters(client)


@pytest.mark.parametrize("fault", ["500", "html", "reset", "no-keys", "not-a-set"])
def test_good_keys_outlive_a_bad_hour(client: ProviderClient, fault: Any) -> None:
    assert enters(client)
    client.op.faults.jwks = fault
    client.clock.advance(STALE_SECONDS - 1)
    assert enters(client)
    client.clock.advance(1)
    assert not enters(client)
    client.op.faults = Faults()
    assert enters(client)


@pytest.mark.parametrize("fault", ["500", "html", "reset", "wrong-issuer", "missing-endpoints", "http-endpoints"])
def test_good_metadata_outlives_a_bad_hour(client: ProviderClient, fault: Any) -> None:
    assert enters(client)
    client.op.faults.discovery = fault
    client.clock.advance(STALE_SECONDS - 1)
    assert enters(client)
    client.clock.advance(1)
    assert failure_reason(client.begin_sign_in(provider="oidc"), client) in {"refused", "unavailable"}
    client.op.faults = Faults()
    assert enters(client)


def test_whoever_did_not_answer_is_not_waited_for_at_every_sign_in(client: ProviderClient) -> None:
    """A callback asks for metadata twice and for keys once; a provider that hangs would cost the deadline each time."""
    assert enters(client)
    client.op.faults = Faults(discovery="500", jwks="500")
    client.clock.advance(METADATA_SECONDS)
    assert all(enters(client) for _ in range(3))
    assert (client.op.count(DISCOVERY), keys_fetched(client)) == (2, 2)
    client.clock.advance(RETRY_AFTER_FAILURE)
    assert enters(client)
    assert (client.op.count(DISCOVERY), keys_fetched(client)) == (3, 3)


def test_a_rotation_while_keys_cannot_be_had_loses_none_of_the_good_ones(client: ProviderClient) -> None:
    assert enters(client)
    client.op.faults = Faults(jwks="500", id_token="unknown-kid")
    assert failure_reason(client.sign_in_as(), client) == "unavailable"
    client.op.faults = Faults(jwks="500")

    assert enters(client)


def test_a_clock_that_is_set_back_keeps_no_key_beyond_its_time(client: ProviderClient) -> None:
    client.clock.advance(3600)
    assert enters(client)
    client.op.withdraw()
    client.clock.advance(-3600)

    assert not enters(client)


def test_keys_that_cannot_be_read_do_not_hide_the_good_one_among_them(client: ProviderClient) -> None:
    client.op.faults.jwks = "unparseable-key"

    assert enters(client)


@pytest.mark.parametrize("several", [False, True])
def test_a_token_that_names_no_key_is_tried_with_those_that_fit(client: ProviderClient, several: bool) -> None:
    client.op.faults.id_token = "kid-absent"
    if several:
        client.op.publish_more()

    assert enters(client)


def test_a_token_that_names_no_key_is_still_held_to_the_published_ones(client: ProviderClient) -> None:
    client.op.faults.id_token = "kid-absent"
    client.op.signer = key("attacker", "RS256")

    assert not enters(client)
