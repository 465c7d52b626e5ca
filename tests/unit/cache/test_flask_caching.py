"""Cache in the backend of an application's Flask-Caching instance."""

from __future__ import annotations

import builtins
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask
from flask_caching import Cache

from genkan.cache.shared import FlaskCache
from genkan.errors import ConfigurationError
from tests.servers.redis_server import RedisServer

VALUE: dict[str, Any] = {"name": "Ada", "tags": [1, None, "é"]}


class PickleBomb:
    """Object that sets a flag when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import builtins; builtins.genkan_bomb_ran = True",))


def made(config: dict[str, Any]) -> tuple[FlaskCache, Cache, Flask]:
    app = Flask(__name__)
    instance = Cache(app, config=config)
    return FlaskCache(app, instance), instance, app


@pytest.fixture(name="configs")
def _configs(redis_url: str, tmp_path: Path) -> list[dict[str, Any]]:
    """Return a configuration of Flask-Caching for each kind of backend, with its default serializer."""
    return [
        {"CACHE_TYPE": "SimpleCache"},
        {"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": redis_url, "CACHE_KEY_PREFIX": "shop:"},
        {"CACHE_TYPE": "FileSystemCache", "CACHE_DIR": str(tmp_path)},
    ]


def test_values_are_read_as_stored_in_every_backend(configs: list[dict[str, Any]]) -> None:
    for config in configs:
        cache = made(config)[0]
        assert cache.get("key") is None
        cache.set("key", VALUE, 60)
        assert cache.get("key") == VALUE
        cache.delete("key")
        assert cache.get("key") is None
        assert [cache.mark("mark", 60), cache.mark("mark", 60)] == [True, False]


def test_the_application_s_own_values_are_apart(configs: list[dict[str, Any]]) -> None:
    for config in configs:
        cache, instance, app = made(config)
        with app.app_context():
            instance.set("key", {1, 2}, timeout=60)
            cache.set("key", VALUE, 60)
            cache.delete("other")
            assert instance.get("key") == {1, 2}
        assert cache.get("key") == VALUE


def test_only_the_cache_of_one_process_is_in_process(configs: list[dict[str, Any]]) -> None:
    assert [made(config)[0].in_process for config in configs] == [True, False, False]


def test_values_are_json_with_both_prefixes(configs: list[dict[str, Any]], redis_url: str) -> None:
    made(configs[1])[0].set("key", VALUE, 60)
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == [b"shop:genkan:key"]
        stored = client.get("shop:genkan:key")
    assert isinstance(stored, bytes)
    assert json.loads(stored) == VALUE


def test_a_pickle_is_a_miss_and_is_not_executed(configs: list[dict[str, Any]], redis_url: str) -> None:
    """The application's own serializer would run it."""
    cache = made(configs[1])[0]
    with redis.Redis.from_url(redis_url) as client:
        client.set("shop:genkan:key", b"!" + pickle.dumps(PickleBomb()))
    assert cache.get("key") is None
    assert not hasattr(builtins, "genkan_bomb_ran")


def test_an_unreachable_redis_is_a_miss(
    configs: list[dict[str, Any]], redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    cache = made(configs[1])[0]
    redis_server.stop()
    with caplog.at_level(logging.WARNING):
        cache.set("key", VALUE, 60)
        assert cache.get("key") is None
        assert cache.mark("key", 60)
    redis_server.start()
    assert [record.name for record in caplog.records] == ["genkan.cache.shared"]


def test_an_instance_that_is_not_initialised_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Genkan\(cache=…\): it is not initialised"):
        FlaskCache(Flask(__name__), Cache())
