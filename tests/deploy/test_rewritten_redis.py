"""Attacker with write access to Redis, who replaces every cached value of a running application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from genkan import build
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, failure_reason, provider_env, query
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.http_server import Call, CannedResponse, Server
from tests.tokens.id_tokens import valid
from tests.tokens.metadata import key_set, metadata
from tests.tokens.signing import at_hash, key

ATTACKER_KEY = key("attacker", "RS256")


class Attacker:
    """Token endpoint that answers every code with an ID token of the provider's first user, and records the calls."""

    def __init__(self, op: FaultyProvider, clock: FrozenClock) -> None:
        self.calls: list[Call] = []
        self.nonce = ""
        self.op = op
        self.clock = clock
        self.server = Server(self._answer)

    @property
    def url(self) -> str:
        """Return the URL of the attacker's token endpoint."""
        return f"http://127.0.0.1:{self.server.port}/token"

    def id_token(self, **claims: object) -> str:
        """Return an ID token that is valid except for its key."""
        now = int(self.clock.now)
        fixed = {"iss": self.op.issuer, "aud": self.op.client_id, "iat": now, "auth_time": now, "exp": now + 3600}
        return valid({**self.op.claims, **fixed, "nonce": self.nonce, **claims}, ATTACKER_KEY).signed()

    def rewrite(self, redis_url: str, token_endpoint: str) -> int:
        """Replace the metadata and the keys. Return the number of entries that were replaced."""
        documents = {
            "metadata": {
                **metadata(self.op.issuer, "RS256", "client_secret_post", None),
                "token_endpoint": token_endpoint,
                "userinfo_endpoint": None,
            },
            "keys": key_set([ATTACKER_KEY, replace(ATTACKER_KEY, kid=self.op.signer.kid)], None),
        }
        with redis.Redis.from_url(redis_url) as client:
            names = [name.decode() for name in client.keys("genkan:*")]
            for name in names:
                document = documents.get(name.split(":")[1], {})
                client.set(name, json.dumps({"at": self.clock.now, "document": document}))
        return len(names)

    def _answer(self, call: Call) -> CannedResponse:
        self.calls.append(call)
        tokens = {"access_token": "at", "token_type": "Bearer", "id_token": self.id_token(at_hash=at_hash("at"))}
        return CannedResponse.json(tokens)


@pytest.fixture(name="attacker")
def _attacker(op: FaultyProvider, clock: FrozenClock) -> Iterator[Attacker]:
    attacker = Attacker(op, clock)
    attacker.server.start()
    yield attacker
    attacker.server.stop()
    assert attacker.server.errors == []


@pytest.fixture(name="client")
def _client(make_app: MakeApp, op: FaultyProvider, redis_url: str) -> ProviderClient:
    """Return the client of an application whose cache is filled by a sign-in."""
    app = make_app(**provider_env(op), REDIS_URL=redis_url)
    owner = ProviderClient(app, op)
    owner.sign_in_as()
    assert owner.get("/api/user/profile").status_code == 200
    return ProviderClient(app, op)


@pytest.fixture(name="without_seal")
def _without_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SealedCache", lambda cache, *_: cache)


def callback_url(client: ProviderClient, attacker: Attacker) -> str:
    """Start a sign-in and consent as the attacker, who knows the nonce. Return the callback URL."""
    started = client.start()
    attacker.nonce = query(started)["nonce"]
    return client.op.authorize(started, {"sub": "attacker", "name": "Attacker", "email": "attacker@example.org"})


@pytest.mark.usefixtures("without_seal")
def test_without_a_seal_the_attacker_gets_the_client_secret_and_signs_in_as_any_user(
    client: ProviderClient, attacker: Attacker, redis_url: str
) -> None:
    """The attack works, so that the tests below prove something."""
    assert attacker.rewrite(redis_url, attacker.url) >= 3
    client.get(callback_url(client, attacker))

    assert attacker.calls[0].body["client_secret"] == client.op.client_secret
    assert client.name() == "Vera Visitor"


@pytest.mark.usefixtures("without_seal")
def test_without_a_seal_a_key_from_redis_is_accepted(
    client: ProviderClient, attacker: Attacker, redis_url: str
) -> None:
    client.op.client_auth = "client_secret_post"
    assert attacker.rewrite(redis_url, f"{client.op.issuer}/token") >= 3
    client.op.faults.id_token = "wrong-key"
    client.get(callback_url(client, attacker))

    assert client.name() == "Attacker"


def test_the_client_secret_is_not_sent_to_a_token_endpoint_from_redis(
    client: ProviderClient, attacker: Attacker, redis_url: str
) -> None:
    assert attacker.rewrite(redis_url, attacker.url) >= 3
    client.get(callback_url(client, attacker))

    assert attacker.calls == []
    assert client.name() == "Attacker"  # the provider itself was asked


def test_a_key_from_redis_is_not_accepted(client: ProviderClient, attacker: Attacker, redis_url: str) -> None:
    """The provider itself sends a token with the attacker's signature, so that only the key decides."""
    assert attacker.rewrite(redis_url, f"{client.op.issuer}/token") >= 3
    client.op.faults.id_token = "wrong-key"

    assert failure_reason(client.get(callback_url(client, attacker)), client) == "refused"
    assert client.session() is None


def test_a_profile_from_redis_is_not_shown(client: ProviderClient, attacker: Attacker, redis_url: str) -> None:
    client.sign_in_as()
    before: dict[str, Any] = client.get("/api/user/profile").get_json()
    with redis.Redis.from_url(redis_url) as server:
        (name,) = server.keys("genkan:profile:*")
        server.set(name, json.dumps({**before, "role": "admin"}))

    assert client.get("/api/user/profile").get_json() == before
