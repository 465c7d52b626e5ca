"""Attacker with write access to Redis, who replaces every entry of the shared cache between the requests."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator

import redis

from bench.evidence.support.client import address
from bench.evidence.support.setting import SQLITE, Options, Row, application_with_provider
from tests.clock import FrozenClock
from tests.deploy.test_rewritten_redis import Attacker
from tests.provider_client import query
from tests.revocation.running_app import RunningApp
from tests.servers import redis_server
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import ServerClient

ROUNDS = 60
METHODS = ("forge", "swap", "damage", "profile")
"""Documents of the attacker, values under the names of others, random bytes, and a profile with another role."""


class Site:
    """Application with a shared cache, its provider, and the attacker's token endpoint."""

    def __init__(self, running: RunningApp, provider: FaultyProvider, attacker: Attacker, url: str) -> None:
        self.running, self.provider, self.attacker, self.url = running, provider, attacker, url
        self.rewritten = self.wrong_user = self.wrong_profile = 0

    def round(self, number: int) -> None:
        """Sign in and read the profile, with all entries replaced before each request."""
        method, client = METHODS[number % len(METHODS)], ServerClient(self.running.origin)
        client.headers["X-Forwarded-For"] = address()
        name = f"user-{number}"
        self._rewrite(method)
        started = client.start()
        self.attacker.nonce = query(started)["nonce"]
        callback = self.provider.authorize(started, {"sub": name, "name": name, "email": f"{name}@example.org"})
        self._rewrite(method)
        client.ask("GET", callback)
        self._rewrite(method)
        self.wrong_user += client.name() != name
        for _ in range(4):
            self._rewrite(method)
            profile = client.ask("GET", "/api/user/profile").json()
            self.wrong_profile += profile.get("name") != name or profile.get("role") == "admin"

    def _rewrite(self, method: str) -> None:
        self.attacker.clock.now = time.time()
        if method == "forge":
            self.rewritten += self.attacker.rewrite(self.url, self.attacker.url)
            return
        with redis.Redis.from_url(self.url) as client:
            names = sorted(client.keys("genkan:*"))
            values = [client.get(name) or b"" for name in names]
            for name, value in zip(names, _replacements(method, values), strict=True):
                client.set(name, value)
            self.rewritten += len(names)


def _replacements(method: str, values: list[bytes]) -> list[bytes]:
    if method == "swap":
        return values[1:] + values[:1]
    if method == "damage":
        return [secrets.token_bytes(max(len(value), 1)) for value in values]
    profile = {"id": "1", "name": "Attacker", "email": "attacker@example.org", "image": None, "role": "admin"}
    return [json.dumps(profile).encode()] * len(values)


def measure(options: Options) -> Iterator[Row]:
    """Yield one row."""
    with (
        redis_server.running() as server,
        application_with_provider(SQLITE, REDIS_URL=server.url) as (running, provider),
    ):
        attacker = Attacker(provider, FrozenClock())
        attacker.server.start()
        try:
            site = Site(running, provider, attacker, server.url)
            for number in range(ROUNDS):
                site.round(number)
        finally:
            attacker.server.stop()
    yield Row(
        "redis",
        SQLITE,
        f"{site.rewritten:,} entries rewritten, {ROUNDS} sign-ins, {4 * ROUNDS} profiles read",
        f"requests to the attacker's token endpoint: {len(attacker.calls)}. Sign-ins as another user or without a session: "
        f"{site.wrong_user}. Wrong profiles: {site.wrong_profile}",
    )
